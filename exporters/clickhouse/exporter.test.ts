import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { readYaml } from '../../core/config/read.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type FakeClock, settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased, spanBatch, spanNames } from '../../core/testing/spans.ts';
import { batchedIntake } from './batched-intake.ts';
import { config } from './config.ts';
import { clickhouseExporter } from './exporter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Inserted {
  readonly token: string;
  readonly rows: string;
}

/** An exporter on a server whose answer to an insert the test decides: the message of an error, or nothing. */
async function exporterOn(answer: (insert: Inserted) => string | undefined, yaml = '') {
  const inserts: Inserted[] = [];
  const statements: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const params = new URL(request.url ?? '', 'http://x').searchParams;
    if (!params.has('query')) {
      statements.push(Buffer.concat(chunks).toString());
      response.end(/version/.test(statements.at(-1) ?? '') ? '{"version":"25.8.1.1"}\n' : '');
      return;
    }
    const rows = zstdDecompressSync(Buffer.concat(chunks)).toString('latin1');
    const insert = { token: params.get('insert_deduplication_token') ?? '', rows };
    inserts.push(insert);
    const error = answer(insert);
    response.writeHead(error === undefined ? 200 : 500).end(error);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `endpoint: http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = testSettings({ id: 'clickhouse', kind: 'exporter', signals: ['traces', 'logs'] });
  const parsed = readYaml(
    config,
    `${endpoint}\nsending_queue: {enabled: false}\ntimeout: 0\nretry_on_failure: {max_elapsed_time: 0}\n${yaml}`,
  );
  const exporter = clickhouseExporter(settings, parsed);
  cleanups.push(async () => {
    await exporter.shutdown();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  await exporter.start(new NopHost());
  return { exporter, inserts, statements, settings };
}

/** Lets waits before retries pass until it is over. */
async function passTime(work: void | Promise<void>, clock: FakeClock): Promise<void> {
  let over = false;
  const end = () => {
    over = true;
  };
  void work?.then(end, end);
  while (!over) {
    await settle();
    clock.advance(1000);
  }
  await work;
}

const VIOLATED = 'Code: 469. DB::Exception: Constraint is violated. (VIOLATED_CONSTRAINT)';
const MEMORY = 'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)';

const names = (count: number, prefix = 'span') => Array.from({ length: count }, (_, i) => `${prefix}-${i}.`);

test('the tables are made at start, older servers get the indexes they know', async () => {
  const { statements } = await exporterOn(() => undefined, 'database: otel\nttl: 48h\ncluster_name: c');
  assert.equal(statements[0], 'CREATE DATABASE IF NOT EXISTS `otel` ON CLUSTER `c`');
  const logs = statements.find((sql) => sql.includes('`otel_logs`')) ?? '';
  assert.match(logs, /INDEX `idx_lower_body` lower\(Body\) TYPE tokenbf_v1\(32768, 3, 0\) GRANULARITY 8/);
  assert.match(logs, /TTL toDateTime\(Timestamp\) \+ toIntervalDay\(2\)/);
  assert.match(logs, /ENGINE = MergeTree\(\)[\s\S]*non_replicated_deduplication_window = 10000/);
  assert.ok(statements.some((sql) => /MATERIALIZED VIEW .*`otel_traces_trace_id_ts_mv` ON CLUSTER `c` TO/.test(sql)));
});

test('the same bytes have the same token, a retry as well as a sender that comes again', async () => {
  let failures = 2;
  const { exporter, inserts, settings } = await exporterOn(() => (failures-- > 0 ? MEMORY : undefined));
  const batch = spanBatch(names(3));
  const sent = exporter.consume(batch);
  await passTime(sent, settings.clock);
  await exporter.consume(spanBatch(names(3)));
  await exporter.consume(spanBatch(names(4)));
  const tokens = inserts.map(({ token }) => token);
  assert.equal(tokens.length, 5);
  assert.equal(new Set(tokens.slice(0, 4)).size, 1);
  assert.notEqual(tokens[4], tokens[0]);
  assert.ok(isReleased(batch));
});

test('refused rows are found by halving; what is in is not sent again when the rest is retried', async () => {
  let memory = true;
  const stored: string[] = [];
  const { exporter, settings } = await exporterOn(({ rows }) => {
    if (rows.includes('bad-')) return VIOLATED;
    if (memory && rows.includes('span-9.')) {
      memory = false;
      return MEMORY;
    }
    stored.push(...(rows.match(/span-\d+\./g) ?? []));
    return undefined;
  });
  const list = [...names(7), 'bad-1.', ...names(12).slice(7), 'bad-2.'];
  const sent = assert.rejects(async () => exporter.consume(spanBatch(list)), /2 of 14 rows are refused: Code: 469/);
  await passTime(sent, settings.clock);
  assert.deepEqual(stored.sort(), names(12).sort());
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 12);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 2);
});

test('where all rows are refused there are not as many inserts', async () => {
  const { exporter, inserts, settings } = await exporterOn(() => VIOLATED);
  await assert.rejects(async () => exporter.consume(spanBatch(names(5000))), /5000 of 5000 rows are refused/);
  assert.ok(inserts.length < 600, `${inserts.length} inserts`);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 5000);
});

test('requests are joined before a queue on disk, and their senders wait for it', async () => {
  const { clock } = testSettings();
  const taken: Telemetry[] = [];
  let store: () => void = () => {};
  const queue = {
    start() {},
    shutdown() {},
    consume(batch: Telemetry) {
      taken.push(batch);
      return new Promise<void>((resolve) => {
        store = resolve;
      });
    },
  };
  const yaml = 'endpoint: http://a\nsending_queue: {batch: {min_size: 3, max_size: 4, flush_timeout: 1s}}';
  const batch = readYaml(config, yaml).sending_queue?.batch;
  assert.ok(batch);
  const intake = batchedIntake(queue, batch, clock);
  const done: string[] = [];
  const send = (spans: string[]) => void intake.consume(spanBatch(spans))?.then(() => done.push(...spans));
  send(['a', 'b']);
  send(['c', 'd']);
  await settle();
  assert.deepEqual([taken.map(spanNames), done], [[['a', 'b', 'c', 'd']], []]);
  store();
  await settle();
  assert.deepEqual(done, ['a', 'b', 'c', 'd']);
  send(['e']);
  assert.equal(taken.length, 1);
  clock.advance(1000);
  await settle();
  assert.deepEqual(taken.slice(1).map(spanNames), [['e']]);
  send(['f']);
  const ended = intake.shutdown();
  await settle();
  store();
  await ended;
  assert.deepEqual(taken.slice(2).map(spanNames), [['f']]);
  await assert.rejects(async () => intake.consume(spanBatch(['g'])), /shut down/);
});

test('what an embedded engine cannot do is refused by the configuration', () => {
  const embedded = 'endpoint: chdb://./data/x';
  assert.throws(
    () => readYaml(config, `${embedded}\ncluster_name: c`),
    /cluster_name: an embedded engine has no cluster/,
  );
  const replicated = `${embedded}\ntable_engine: {name: ReplicatedMergeTree}`;
  assert.throws(() => readYaml(config, replicated), /no tables of type ReplicatedMergeTree/);
  assert.equal(readYaml(config, `${embedded}\nschema: platform`).async_insert, false);
});

test('keys about tables of the collector are refused where the schema has its own', () => {
  const platform = 'endpoint: http://a:8123\nschema: platform';
  const keys = ['json: true', 'table_engine: {name: Log}', 'logs_table_name: a', 'traces_table_name: a'];
  for (const key of [...keys, 'metrics_tables: {sum: {name: a}}']) {
    const [name] = key.split(':');
    const refused = new RegExp(`${name}: the platform schema has tables of its own`);
    assert.throws(() => readYaml(config, `${platform}\n${key}`), refused, key);
    assert.doesNotThrow(() => readYaml(config, `${platform}\n${key}`.replace('platform', 'otel')));
  }
  assert.doesNotThrow(() => readYaml(config, platform));
});

test('keys of older collectors are read: days of life, and where the server is', () => {
  const { endpoint, ttl } = readYaml(config, 'dsn: tcp://a:9000/otel\nttl_days: 3');
  assert.deepEqual([endpoint, ttl], ['tcp://a:9000/otel', 3 * 24 * 3_600_000]);
  assert.throws(() => readYaml(config, 'dsn: tcp://a:9000\nttl_days: soon'), /ttl/);
});

test('parameters of the driver of the collector are said to have no effect, settings of the server go there', async () => {
  const params = 'connection_params: {dial_timeout: 5s, max_execution_time: "3", http_proxy: "http://p:1"}';
  const { settings } = await exporterOn(() => undefined, params);
  const [line, ...others] = settings.logger.lines.filter(({ level }) => level === 'warn');
  assert.equal(line?.message, 'Parameters of the connection without effect');
  assert.deepEqual(line?.fields?.parameters, ['dial_timeout', 'http_proxy']);
  assert.deepEqual(others, []);
});
