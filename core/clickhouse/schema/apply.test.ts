import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Chdb } from '../chdb.ts';
import { readRows } from '../read.ts';
import { applySchema } from './apply.ts';
import { createJournal, JOURNAL } from './journal.ts';
import { createObject, type Schema } from './objects.ts';
import { planSchema } from './plan.ts';
import { PLATFORM_TABLES } from './platform.ts';
import { platformSchema } from './platform-schema.ts';
import { insertColumns } from './table.ts';

let folder: string;
let ch: Chdb;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-schema-'));
  ch = Chdb.open(folder);
});
after(async () => {
  await ch.close();
  await rm(folder, { recursive: true });
});

test('a database is made, and the second time there is nothing to do', async () => {
  const schema = platformSchema({ database: 'fresh one' });
  const applied: string[] = [];
  const plan = await applySchema(ch, schema, { applied: ({ object }) => applied.push(object) });
  assert.deepEqual(applied, [
    'fresh one',
    'traces',
    'business_events',
    'logs',
    'aggregated_metrics',
    'business_metrics_hourly_mv',
  ]);
  assert.deepEqual(plan.drift, []);
  assert.deepEqual(await planSchema(ch, schema), { version: 1, changes: [], drift: [] });
  await Promise.all([applySchema(ch, schema), applySchema(ch, schema)]);
  const [row] = await readRows(ch, `SELECT count() AS n FROM \`fresh one\`.${JOURNAL}`);
  assert.equal(row?.n, 7, 'six statements, and that the version is reached');
});

test('what is missing is added where it belongs; the rows stay', async () => {
  const schema = platformSchema({ database: 'older' });
  await applySchema(ch, schema);
  await ch.command(`INSERT INTO older.traces (trace_id, start_time) VALUES ('a', now64())`);
  await ch.command('ALTER TABLE older.traces DROP INDEX idx_trace_id, DROP COLUMN process');
  await ch.command('ALTER TABLE older.business_metrics_hourly_mv MODIFY QUERY SELECT * FROM older.aggregated_metrics');
  const { changes } = await applySchema(ch, schema);
  assert.deepEqual(
    changes.map(({ statement }) => statement.split(' ').slice(0, 5).join(' ')),
    [
      'ALTER TABLE `older`.`traces` ADD COLUMN',
      'ALTER TABLE `older`.`traces` ADD INDEX',
      'ALTER TABLE `older`.`business_metrics_hourly_mv` MODIFY QUERY',
    ],
  );
  assert.match(changes[0]?.statement ?? '', /AFTER `logs`$/);
  assert.deepEqual(await planSchema(ch, schema), { version: 1, changes: [], drift: [] });
  assert.deepEqual(await readRows(ch, 'SELECT trace_id, process FROM older.traces'), [{ trace_id: 'a', process: {} }]);
});

test('what cannot be changed without losing rows is shown and left alone', async () => {
  const schema = platformSchema({ database: 'other' });
  await ch.command('CREATE DATABASE other');
  const ttl = 'TTL toDateTime(start_time) + INTERVAL 1 DAY';
  const { table } = PLATFORM_TABLES.traces;
  const columns = insertColumns(table).map(({ name, type }) => `${name} ${name === 'tags' ? 'String' : type}`);
  await ch.command(`CREATE TABLE other.traces (${columns.join(', ')}, mine UInt8) ENGINE = ReplacingMergeTree
    ORDER BY (start_time) ${ttl}`);
  const before = await planSchema(ch, schema);
  assert.deepEqual(before.drift, [
    'traces.tags has the type String, not Map(LowCardinality(String),String)',
    'traces has columns of its own: mine',
    'traces has the engine ReplacingMergeTree, not MergeTree',
    'traces has the partitions none, not toYYYYMM(start_time)',
    'traces has the order start_time, not service_name,start_time,trace_id,span_id',
    'traces has the TTL toDateTime(start_time) + toIntervalDay(1), not toDateTime(start_time) + toIntervalDay(30); to have it: ALTER TABLE `other`.`traces` MODIFY TTL toDateTime(start_time) + toIntervalDay(30)',
  ]);
  assert.deepEqual((await applySchema(ch, schema)).drift, before.drift);
  assert.deepEqual((await planSchema(ch, schema)).drift, before.drift);
});

test('tables of a later version are not touched', async () => {
  const schema: Schema = { ...platformSchema({ database: 'later' }), version: 3 };
  await applySchema(ch, schema);
  await assert.rejects(applySchema(ch, { ...schema, version: 2 }), /are version 3 .* knows 2: use a later one/);
});

test('on a cluster: replicated tables, one over all shards, statements that the engine parses', async () => {
  const schema = platformSchema({ database: 'd', cluster: 'a cluster', ttlMs: 3_600_000 });
  const statements = [...schema.objects.map(createObject), createJournal(schema)];
  for (const statement of statements) {
    await readRows(ch, `EXPLAIN AST ${statement}`);
    assert.match(statement, / ON CLUSTER `a cluster` /);
  }
  const [local, all] = statements;
  assert.match(local ?? '', /`d`\.`traces_local`/);
  assert.match(local ?? '', /ReplicatedMergeTree\('\/clickhouse\/tables\/\{shard\}\/d\/traces', '\{replica\}'\)/);
  assert.match(local ?? '', /TTL toDateTime\(start_time\) \+ toIntervalSecond\(3600\)/);
  assert.match(all ?? '', /ENGINE = Distributed\(`a cluster`, `d`, `traces_local`, sipHash64\(trace_id\)\)/);
  const view = statements.at(-2) ?? '';
  assert.match(view, /TO `d`\.`aggregated_metrics_local`[\s\S]*FROM `d`\.`business_events_local`/);
});

test('each hour adds up, however late its events come, and without division by zero', async () => {
  await applySchema(ch, platformSchema({ database: 'hours' }));
  const event = (id: string, ok: string, ago: number) =>
    `('${id}', 'checkout', toDateTime64('2026-01-01 10:59:59.9', 9) - INTERVAL ${ago} DAY, map('success', '${ok}'))`;
  await ch.command('ALTER TABLE hours.business_events REMOVE TTL');
  await ch.command('ALTER TABLE hours.aggregated_metrics REMOVE TTL');
  for (const values of [event('1', 'true', 0), `${event('2', 'false', 0)}, ${event('3', 'true', 200)}`]) {
    await ch.command(
      `INSERT INTO hours.business_events (event_id, event_type, timestamp, properties) VALUES ${values}`,
    );
  }
  const rows = await readRows(
    ch,
    `SELECT timestamp, sum(count) AS n, sum(sum) AS ok, min(min) AS low, any(tags) AS tags FROM hours.aggregated_metrics
     WHERE window_size = 3600 GROUP BY timestamp ORDER BY timestamp`,
  );
  const tags = { event_type: 'checkout' };
  assert.deepEqual(rows, [
    { timestamp: '2025-06-15 10:00:00', n: 1, ok: 1, low: 1, tags },
    { timestamp: '2026-01-01 10:00:00', n: 2, ok: 1, low: 0, tags },
  ]);
});
