import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Secret } from '../../core/config/secret.ts';
import { decodeTree, type LogRecord } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { FakeClock, settle } from '../../core/testing/fake-clock.ts';
import { startHttpSink } from '../../core/testing/http-sink.ts';
import { openLog } from './logs.ts';
import type { LogProcessorSettings, LogSettings, OtlpSettings } from './types.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function sink() {
  const { posts, answer, port, close } = await startHttpSink();
  closing.push(close);
  const otlp: OtlpSettings = {
    protocol: 'http/protobuf',
    endpoint: `http://127.0.0.1:${port}`,
    headers: new Map(),
    insecure: false,
  };
  const records = (): LogRecord[] =>
    posts.flatMap(({ body }) => {
      const tree = decodeTree('logs', Telemetry.of('logs', body, 0));
      return tree.resourceLogs.flatMap((r) => r.scopeLogs.flatMap((s) => s.logRecords));
    });
  return { posts, answer, records, otlp };
}

function open(processor: LogProcessorSettings, changes: Partial<LogSettings> = {}) {
  const clock = new FakeClock(1_700_000_000_000);
  const printed: string[] = [];
  const settings: LogSettings = {
    level: 'info',
    encoding: 'console',
    development: false,
    disable_stacktrace: false,
    disable_zap_resource: false,
    output_paths: [],
    error_output_paths: [],
    initial_fields: {},
    sampling: undefined,
    processors: [{ batch: processor }],
    ...changes,
  };
  const context = {
    resource: { 'service.name': 'weir' },
    clock,
    userAgent: 'weir/1',
    print: (l: string) => printed.push(l),
  };
  return { log: openLog(settings, context), clock, printed };
}

test('lines become log records with their fields as attributes', async () => {
  const { otlp, posts, records } = await sink();
  const { log, clock } = open({ exporter: { otlp }, schedule_delay: 200 });
  const component = log.logger.with({ 'otelcol.component.id': 'otlp' });
  component.error('Went wrong', {
    error: new Error('why'),
    n: 7,
    x: 1.5,
    list: ['a', true],
    key: new Secret('s'),
    no: null,
  });
  component.debug('not at this level');
  clock.advance(100);
  log.logger.info('Later');
  assert.equal(posts.length, 0);
  clock.advance(100);
  while (posts.length < 1) await settle();
  await log.close();
  assert.equal(posts.length, 1);
  assert.equal(posts[0]?.path, '/v1/logs');
  const [first, second] = records();
  assert.equal(first?.timeUnixNano, 1_700_000_000_000_000_000n);
  assert.deepEqual([first?.severityNumber, first?.severityText, first?.body?.stringValue], [17, 'error', 'Went wrong']);
  const value = (key: string) => first?.attributes.find((a) => a.key === key)?.value;
  assert.equal(value('otelcol.component.id')?.stringValue, 'otlp');
  assert.equal(value('error')?.stringValue, 'why');
  assert.equal(value('n')?.intValue, 7n);
  assert.equal(value('x')?.doubleValue, 1.5);
  assert.equal(value('list')?.arrayValue?.values[1]?.boolValue, true);
  assert.equal(value('key')?.stringValue, '[REDACTED]');
  assert.deepEqual([second?.severityNumber, second?.body?.stringValue], [9, 'Later']);
  assert.equal(clock.pending, 0);
});

test('what waits is sent at the end, in batches; lines beyond the queue are dropped', async () => {
  const { otlp, posts, records } = await sink();
  const { log } = open({ exporter: { otlp }, max_queue_size: 5, max_export_batch_size: 2 });
  for (let i = 0; i < 8; i++) log.logger.info(`line ${i}`);
  await log.close();
  assert.equal(posts.length, 3);
  assert.deepEqual(
    records().map((r) => r.body?.stringValue),
    [0, 1, 2, 3, 4].map((i) => `line ${i}`),
  );
});

test('a failed export is told once, to the outputs, and not exported itself', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'weir-export-')), 'own.log');
  closing.push(() => rmSync(dirname(file), { recursive: true }));
  const { otlp, answer, posts } = await sink();
  answer.status = 500;
  const { log, clock } = open({ exporter: { otlp } }, { output_paths: [file] });
  log.logger.info('x');
  clock.advance(1000);
  while (posts.length < 1) await settle();
  await log.close();
  await log.close();
  assert.equal(posts.length, 1);
  const told = readFileSync(file, 'utf8').match(/Failed to export own logs.*status 500/g);
  assert.equal(told?.length, 1);
});

test('a server that does not answer does not hold up the end', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const { port } = server.address() as AddressInfo;
  const { otlp } = await sink();
  const { log, clock } = open({ exporter: { otlp: { ...otlp, endpoint: `http://127.0.0.1:${port}` } } });
  log.logger.info('x');
  const closed = log.close();
  await clock.advanceAsync(5000);
  await closed;
});

test('the console exporter prints OTLP/JSON', async () => {
  const { log, printed } = open({ exporter: { console: {} } });
  log.logger.warn('x');
  await log.close();
  const record = JSON.parse(printed[0] ?? '').resourceLogs[0].scopeLogs[0].logRecords[0];
  assert.deepEqual([record.body.stringValue, record.severityNumber, record.traceId], ['x', 13, undefined]);
});
