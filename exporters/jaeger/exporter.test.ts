import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { readYaml } from '../../core/config/read.ts';
import type { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased, spanBatch } from '../../core/testing/spans.ts';
import { freePort } from '../../test/support/ports.ts';
import { config } from './config.ts';
import { jaegerExporter } from './exporter.ts';
import { RequestEncoder } from './requests.ts';

const MAX_BYTES = 4 * 1024 * 1024;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Answer = (names: readonly string[]) => Partial<grpc.StatusObject> | undefined;

/** A collector of another make, which answers as the test says and keeps the names of spans it took. */
async function jaeger(answer: Answer = () => undefined, port = 0) {
  const stored: string[] = [];
  const requests: string[][] = [];
  const server = new grpc.Server();
  const bytes = (value: Buffer) => value;
  const method = {
    path: '/jaeger.api_v2.CollectorService/PostSpans',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService({ post: method }, {
    post(call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) {
      const names = call.request.toString('latin1').match(/span-\d+\./g) ?? [];
      requests.push(names);
      const failure = answer(names);
      if (failure === undefined) stored.push(...names);
      callback(failure ?? null, Buffer.alloc(0));
    },
  } as grpc.UntypedServiceImplementation);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  cleanups.push(() => server.forceShutdown());
  return { address: `127.0.0.1:${bound}`, stored, requests };
}

const NO_RETRY = 'sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}\n';

async function exporter(address: string, yaml = NO_RETRY) {
  const settings = testSettings({ id: 'jaeger', kind: 'exporter', signals: ['traces'] });
  const made = jaegerExporter(settings, readYaml(config, `endpoint: ${address}\ntls: {insecure: true}\n${yaml}`));
  await made.start(new NopHost());
  cleanups.push(() => made.shutdown());
  return { made, settings };
}

const names = (count: number, first = 0) => Array.from({ length: count }, (_, i) => `span-${first + i}.`);

async function send(made: { consume(batch: Telemetry): void | Promise<void> }, batch: Telemetry) {
  try {
    await made.consume(batch);
    return undefined;
  } catch (error) {
    return error as PipelineError;
  } finally {
    assert.ok(isReleased(batch));
  }
}

/** A batch with one resource for each list of names. */
const groups = (...lists: string[][]) =>
  Telemetry.join(lists.map((list, i) => spanBatch(list, { 'service.name': `service ${i}` })));

test('spans are what the reference makes of them, byte for byte', () => {
  const recorded = JSON.parse(readFileSync(new URL('./testdata/reference.json', import.meta.url), 'utf8'));
  const encoder = new RequestEncoder();
  assert.ok(recorded.length > 20);
  for (const { request, expected } of recorded) {
    const batch = Telemetry.of('traces', Buffer.from(request, 'base64'), 0);
    const made = encoder.encode(batch, MAX_BYTES).map(({ bytes }) => bytes.toString('base64'));
    assert.deepEqual(made, expected);
    const parts = encoder.encode(batch, 1);
    assert.ok(parts.every(({ spans }) => spans === 1));
  }
});

test('one request for each resource', async () => {
  const { address, requests } = await jaeger();
  const { made, settings } = await exporter(address);
  assert.equal(await send(made, groups(names(2), names(1, 2))), undefined);
  assert.deepEqual(requests, [names(2), names(1, 2)]);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 3);
});

test('a resource with more spans than a request holds', async () => {
  const { address, stored, requests } = await jaeger();
  const { made } = await exporter(address);
  const spans = names(6000).map((name) => ({
    name,
    attributes: [{ key: 'k', value: { stringValue: 'x'.repeat(900) } }],
  }));
  const json = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
  const { bytes, items } = decodeJson('traces', Buffer.from(json));
  // grpc-js refuses more than 4 MiB as Jaeger does
  assert.equal(await send(made, Telemetry.of('traces', bytes, items)), undefined);
  assert.equal(requests.length, 2);
  assert.deepEqual(stored, names(6000));
});

test('a collector that takes smaller requests only gets them', async () => {
  const tooLarge = {
    code: grpc.status.RESOURCE_EXHAUSTED,
    details: 'grpc: received message larger than max (9 vs. 8)',
  };
  const { address, stored } = await jaeger((list) => (list.length > 300 ? tooLarge : undefined));
  const retry = 'sending_queue: {enabled: false}\nretry_on_failure: {initial_interval: 1s}\ntimeout: 0s';
  const { made, settings } = await exporter(address, retry);
  let done = false;
  const batch = spanBatch(
    names(1200).map((name) => name + '_'.repeat(200)),
    { 'service.name': 's' },
  );
  const sent = send(made, batch).then((error) => {
    done = true;
    return error;
  });
  while (!done) {
    await settle();
    settings.clock.advance(1000);
  }
  assert.equal(await sent, undefined);
  assert.deepEqual(stored, names(1200));
});

test('what was taken is not sent again, what is refused for good is told from what is not', async () => {
  let busy = true;
  const { address, stored, requests } = await jaeger((list) => {
    if (list[0] === 'span-2.') return { code: grpc.status.INVALID_ARGUMENT, details: 'bad' };
    return list[0] === 'span-6.' && busy ? { code: grpc.status.RESOURCE_EXHAUSTED, details: 'server busy' } : undefined;
  });
  const retry = 'sending_queue: {enabled: false}\nretry_on_failure: {initial_interval: 1s}\ntimeout: 0s';
  const { made, settings } = await exporter(address, retry);
  const sent = send(made, groups(names(2), names(2, 2), names(2, 4), names(2, 6), names(2, 8)));
  while (!settings.logger.messages('info').join().includes('Will retry')) await settle();
  assert.deepEqual(stored, [...names(2), ...names(2, 4)]);
  busy = false;
  settings.clock.advance(2000);
  const error = await sent;
  assert.equal(error?.permanent, true);
  assert.match(String(error?.text), /failed to push trace data via Jaeger exporter: bad/);
  assert.deepEqual(stored, [...names(2), ...names(6, 4)]);
  assert.deepEqual(requests.map(([first]) => first).slice(4), ['span-2.', 'span-6.', 'span-8.']);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 8);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 2);
});

test('an hour without Jaeger: everything arrives, two lines tell of it', async () => {
  const port = await freePort();
  const { made, settings } = await exporter(
    `127.0.0.1:${port}`,
    'sending_queue: {queue_size: 100}\nretry_on_failure: {max_elapsed_time: 0s}\ntimeout: 0s',
  );
  const { clock, logger } = settings;
  for (let i = 0; i < 50; i++) await made.consume(spanBatch(names(10, i * 10)));
  for (let passed = 0; passed < 3600; passed += 10) await clock.advanceAsync(10_000);
  const { stored } = await jaeger(undefined, port);
  const end = performance.now() + 20_000;
  while (stored.length < 500 && performance.now() < end) await clock.advanceAsync(1000);
  assert.deepEqual([...stored].sort(), names(500).sort());
  assert.deepEqual(logger.messages('info'), [
    'Exporting failed. Will retry the request after interval.',
    'Exporting works again.',
  ]);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans') ?? 0, 0);
});
