import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { TooLargeError } from '../../core/exporter-helper/types.ts';
import { parseTarget } from '../../core/grpc/target.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { encodeExportResponse } from '../../core/otlp/service.ts';
import { encodeStatus } from '../../core/otlp/status.ts';
import { StatusCode } from '../../core/status-code.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased, spanBatch, spanNames } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { otlpGrpcExporter } from './exporter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Received {
  readonly message: Buffer;
  readonly metadata: grpc.Metadata;
}

type Answer = (callback: grpc.sendUnaryData<Buffer>) => void;

/** A server of another make that answers as the test says. */
async function peer(credentials = grpc.ServerCredentials.createInsecure(), options: grpc.ServerOptions = {}) {
  const received: Received[] = [];
  const current: { answer: Answer } = { answer: (callback) => callback(null, encodeExportResponse()) };
  const server = new grpc.Server(options);
  const bytes = (value: Buffer) => value;
  const method = {
    path: EXPORT_METHOD.traces,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService({ export: method }, {
    export(call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) {
      received.push({ message: call.request, metadata: call.metadata });
      current.answer(callback);
    },
  } as grpc.UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  cleanups.push(() => server.forceShutdown());
  return { address: `127.0.0.1:${port}`, received, current };
}

async function exporter(
  yaml: string,
  options: { readonly id?: string; readonly extensions?: Record<string, Component> } = {},
) {
  const settings = testSettings({ id: options.id ?? 'otlp_grpc', kind: 'exporter' });
  const off = 'sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}\n';
  const made = otlpGrpcExporter(settings, readYaml(config, off + yaml));
  const host = new NopHost();
  for (const [id, extension] of Object.entries(options.extensions ?? {})) host.extensions.set(id, extension);
  await made.start(host);
  cleanups.push(() => made.shutdown());
  const send = async (names = ['a']) => {
    const batch = spanBatch(names);
    const bytes = batch.bytes();
    try {
      await made.consume(batch);
      return { bytes };
    } catch (error) {
      return { bytes, error: error as PipelineError };
    } finally {
      assert.ok(isReleased(batch));
    }
  };
  return { send, settings };
}

test('every form of endpoint, with and without compression', async () => {
  const { address, received } = await peer();
  const forms = [`${address}\ntls: {insecure: true}`, `http://${address}`, `dns:///${address}\ntls: {insecure: true}`];
  for (const form of forms) {
    for (const compression of ['gzip', 'none']) {
      const { send } = await exporter(`endpoint: ${form}\ncompression: ${compression}`);
      const { bytes, error } = await send();
      assert.equal(error, undefined, `${form} ${compression}`);
      assert.deepEqual(received.at(-1)?.message, bytes);
    }
  }
});

test('metadata, user agent and labels', async () => {
  const { address, received } = await peer();
  const tokens = {
    start() {},
    shutdown() {},
    authorize: async (headers: Map<string, string>) => void headers.set('authorization', 'Bearer t'),
  } as Component;
  const yaml = `endpoint: ${address}\ntls: {insecure: true}\nheaders: {X-Key: v}\nauth: {authenticator: tokens}`;
  const { send, settings } = await exporter(yaml, { id: 'otlp', extensions: { tokens } });
  await send();
  const metadata = received[0]?.metadata;
  assert.deepEqual(metadata?.get('x-key'), ['v']);
  assert.deepEqual(metadata?.get('authorization'), ['Bearer t']);
  assert.match(String(metadata?.get('user-agent')), /^weir under test\/0\.0\.0-test \(\w+\/\w+\)/);
  const [sent] = settings.meter.series('otelcol_exporter_sent_spans');
  assert.equal(`${sent?.labels.server_address}:${sent?.labels.server_port}`, address);
  assert.ok(settings.logger.messages('warn').includes('"otlp" alias is deprecated; use "otlp_grpc" instead'));
});

test('every status is classified', async () => {
  const { address, current } = await peer();
  const { send } = await exporter(`endpoint: ${address}\ntls: {insecure: true}`);
  const retryable = new Set<number>([1, 4, 10, 11, 14, 15]);
  for (const code of Object.values(StatusCode).filter((c) => c !== StatusCode.OK)) {
    current.answer = (callback) => callback({ code, details: 'because' } as grpc.ServiceError, null);
    const { error } = await send();
    assert.equal(error?.code, code);
    assert.equal(error?.message, 'because');
    assert.match(error?.text ?? '', /^(Permanent error: )?rpc error: code = [A-Z]\w+ desc = because$/);
    assert.equal(error?.permanent, !retryable.has(code), String(code));
  }
});

test('RetryInfo makes RESOURCE_EXHAUSTED retryable and sets the wait', async () => {
  const { address, current } = await peer();
  const { send } = await exporter(`endpoint: ${address}\ntls: {insecure: true}`);
  const metadata = new grpc.Metadata();
  metadata.set('grpc-status-details-bin', encodeStatus({ code: 8, message: 'busy', retryAfterMs: 1500 }));
  current.answer = (callback) => callback({ code: 8, details: 'busy', metadata } as grpc.ServiceError, null);
  const { error } = await send();
  assert.equal(error?.permanent, false);
  assert.equal(error?.retryAfterMs, 1500);
});

test('partial success is logged, counted and no failure', async () => {
  const { address, current } = await peer();
  const { send, settings } = await exporter(`endpoint: ${address}\ntls: {insecure: true}`);
  current.answer = (callback) => callback(null, encodeExportResponse({ rejected: 2, errorMessage: 'too old' }));
  assert.equal((await send()).error, undefined);
  const line = settings.logger.lines.find(({ message }) => message === 'Partial success response');
  assert.deepEqual([line?.fields.message, line?.fields.dropped_spans], ['too old', 2]);
  assert.equal(settings.meter.value('otelcol_exporter_partial_success_rejected_spans'), 2);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 1, 'sent once');
});

test('an attempt ends at its timeout, nobody there is for now', async () => {
  const { address, current } = await peer();
  const { send, settings } = await exporter(`endpoint: ${address}\ntls: {insecure: true}\ntimeout: 2s`);
  assert.equal((await send()).error, undefined);
  const asked = new Promise<void>((resolve) => {
    current.answer = () => resolve();
  });
  const outcome = send();
  await asked;
  settings.clock.advance(2100);
  const { error } = await outcome;
  assert.equal(error?.code, StatusCode.DEADLINE_EXCEEDED);
  assert.equal(error?.permanent, false);
  const nobody = await exporter('endpoint: 127.0.0.1:1\ntls: {insecure: true}');
  const refused = (await nobody.send()).error;
  assert.equal(refused?.code, StatusCode.UNAVAILABLE);
  assert.equal(refused?.permanent, false);
});

test('TLS is on unless told otherwise, and the peer must show its name', async () => {
  const certificate = (name: string) => fileURLToPath(new URL(`../../core/grpc/testdata/${name}`, import.meta.url));
  const [cert_chain, private_key] = ['server.pem', 'server-key.pem'].map((name) => readFileSync(certificate(name)));
  const pair = { cert_chain: cert_chain as Buffer, private_key: private_key as Buffer };
  const { address } = await peer(grpc.ServerCredentials.createSsl(null, [pair]));
  const ca = certificate('ca.pem');
  const outcome = async (yaml: string) => (await (await exporter(yaml)).send()).error?.code;
  assert.equal(await outcome(`endpoint: ${address}\ntls: {ca_file: ${ca}}`), undefined);
  assert.equal(await outcome(`endpoint: https://${address}\ntls: {insecure_skip_verify: true}`), undefined);
  assert.equal(await outcome(`endpoint: ${address}`), StatusCode.UNAVAILABLE);
  assert.equal(await outcome(`endpoint: ${address}\ntls: {insecure: true}`), StatusCode.UNAVAILABLE);
  const plain = await peer();
  assert.equal(await outcome(`endpoint: ${plain.address}`), StatusCode.UNAVAILABLE);
});

test('targets', () => {
  const at = (host: string, port: number) => ({ host, port });
  assert.deepEqual(parseTarget('h:1').endpoint, at('h', 1));
  assert.deepEqual(parseTarget('[::1]:4317').endpoint, at('::1', 4317));
  assert.deepEqual(parseTarget('http://h:1'), { endpoint: at('h', 1), scheme: 'http' });
  assert.deepEqual(parseTarget('https://h:1'), { endpoint: at('h', 1), scheme: 'https' });
  assert.deepEqual(parseTarget('dns:///h:1').endpoint, at('h', 1));
  assert.deepEqual(parseTarget('dns://8.8.8.8/h:1').endpoint, at('h', 1));
  assert.deepEqual(parseTarget('passthrough:///h:1').endpoint, at('h', 1));
  assert.deepEqual(parseTarget('unix:///run/sock').endpoint, { path: '/run/sock' });
  assert.deepEqual(parseTarget('unix:run/sock').endpoint, { path: 'run/sock' });
});

test('configuration', () => {
  assert.throws(() => readYaml(config, ''), /requires a non-empty "endpoint"/);
  assert.throws(() => readYaml(config, 'endpoint: "http://"'), /requires a non-empty "endpoint"/);
  const defaults = readYaml(config, 'endpoint: h:1');
  assert.equal(defaults.compression, 'gzip');
  assert.equal(defaults.timeout, 5000);
  assert.equal(defaults.sending_queue?.num_consumers, 10);
});

test('credentials do not travel without TLS, unless they may; the context of the batch reaches the authenticator', async () => {
  const { address, received } = await peer();
  const yaml = `endpoint: ${address}\ntls: {insecure: true}\nauth: {authenticator: a}`;
  const authenticator = (requiresTls: boolean) =>
    ({
      ...{ start() {}, shutdown() {}, requiresTls },
      authorize(headers: Map<string, string>, context: RequestContext) {
        if (requiresTls) throw new Error('never asked');
        const tenant = context.metadata.get('tenant')?.[0];
        if (tenant === undefined) throw new Error('no tenant');
        headers.set('x-tenant', tenant);
      },
    }) as Component;
  await assert.rejects(
    exporter(yaml, { extensions: { a: authenticator(true) } }),
    /grpc: the credentials require transport level security/,
  );
  const { send } = await exporter(yaml, { extensions: { a: authenticator(false) } });
  const { error } = await send();
  assert.match(String(error), /per-RPC creds failed due to error: no tenant/);
  assert.ok(error instanceof PipelineError && error.permanent);
  assert.equal(received.length, 0);
});

test('a batch over the limit of the peer is sent in parts', async () => {
  const limit = 20_000;
  const { address, received } = await peer(undefined, { 'grpc.max_receive_message_length': limit });
  const names = Array.from({ length: 2000 }, (_, i) => `the span with the number ${i}`);
  for (const compression of ['none', 'gzip']) {
    received.length = 0;
    const { send, settings } = await exporter(
      `endpoint: ${address}\ntls: {insecure: true}\ncompression: ${compression}`,
    );
    const { bytes, error } = await send(names);
    assert.ok(bytes.length > 3 * limit);
    assert.equal(error, undefined);
    const arrived = received.flatMap(({ message }) => spanNames(Telemetry.of('traces', message, 1)));
    assert.deepEqual(arrived.sort(), [...names].sort());
    assert.ok(received.every(({ message }) => message.length <= limit));
    assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 2000);
  }
});

test('how servers of other makes say that a message is too large', async () => {
  const { address, current } = await peer();
  const { send } = await exporter(`endpoint: ${address}\ntls: {insecure: true}`);
  const says: readonly (readonly [number, string, number | undefined])[] = [
    [8, 'grpc: received message larger than max (6291548 vs. 4194304)', 4194304],
    [8, 'grpc: received message after decompression larger than max 4194304', 4194304],
    [8, 'Received message larger than max (6291548 vs 4194304)', 4194304],
    [8, 'CLIENT: Received message larger than max (6291548 vs. 4194304)', 4194304],
    [8, 'gRPC message exceeds maximum size 4194304: 6291548', 4194304],
    [8, 'Received message exceeds the maximum configured message size.', undefined],
    [11, 'Error, decoded message length too large: found 6291548 bytes, the limit is: 4194304 bytes', 4194304],
  ];
  for (const [code, details, limit] of says) {
    current.answer = (callback) => callback({ code, details } as grpc.ServiceError, null);
    const { error } = await send();
    assert.ok(error instanceof TooLargeError, details);
    assert.ok(error.permanent && error.code === code);
    assert.equal(error.maxBytes, limit);
  }
  current.answer = (callback) => callback({ code: 8, details: 'quota exceeded' } as grpc.ServiceError, null);
  assert.ok(!((await send()).error instanceof TooLargeError));
});
