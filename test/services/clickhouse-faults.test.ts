/** Inserts under every fault of a server and of the way to it: each row is stored exactly once. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClickHouseServer } from './clickhouse.ts';
import { type Fate, FaultyProxy } from './clickhouse-proxy.ts';
import { Subject, span, spans } from './clickhouse-subject.ts';

const BATCHES = 20;
const SPANS = 200;
/** What is tried again and again, as long as it takes on a busy machine. */
const PATIENT = `
timeout: 4s
retry_on_failure: {initial_interval: 20ms, max_interval: 200ms, max_elapsed_time: 5m}`;

let server: ClickHouseServer;
let proxy: FaultyProxy;
before(async () => {
  server = await ClickHouseServer.start();
  proxy = await FaultyProxy.before(server.url);
});
after(async () => {
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const start = (database: string, yaml = PATIENT) => Subject.start(`endpoint: ${proxy.url}`, database, yaml);

/** Sends batches, some at a time; each is acknowledged in the end. */
async function sendAll(subject: Subject): Promise<void> {
  const batches = Array.from({ length: BATCHES }, (_, batch) =>
    spans(Array.from({ length: SPANS }, (_, i) => span(`s${batch}`, batch * SPANS + i))),
  );
  await Promise.all(batches.map(async (batch, i) => sleep(i * 10).then(() => subject.exporter.consume(batch))));
}

/** Every span is there, and none twice; the view has seen each batch once. */
async function assertExact(subject: Subject, batches = BATCHES): Promise<void> {
  const table = subject.table('otel_traces');
  const ids = Array.from({ length: batches * SPANS }, (_, i) => BigInt(i + 1));
  const sum = ids.reduce((total, id) => total + id, 0n);
  const [row] = await subject.rows(
    `SELECT toString(count()) AS n, toString(uniqExact(SpanId)) AS u,
            toString(sum(reinterpretAsUInt64(reverse(unhex(SpanId))))) AS s FROM ${table}`,
  );
  assert.deepEqual(row, { n: String(ids.length), u: String(ids.length), s: String(sum) });
  const seen = await subject.value(`SELECT count() FROM ${subject.table('otel_traces_trace_id_ts')}`);
  assert.equal(seen, String(batches));
}

/**
 * Inserts of which a server that was killed has the token and not the rows: MergeTree notes the token, then makes the
 * part visible. If it is killed between the two it takes the repetition for one of what it has; the name of the part
 * that never was goes to another.
 */
async function forgotten(subject: Subject): Promise<number> {
  const table = `database = '${subject.database}' AND`;
  const path = await subject.value(`SELECT data_paths[1] FROM system.tables WHERE ${table} name = 'otel_traces'`);
  const folder = join(path, 'deduplication_logs');
  const lines = readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'));
  const noted = lines.map((line) => line.split('\t')[1]);
  const parts = await subject.rows(`SELECT name FROM system.parts WHERE ${table} table = 'otel_traces'`);
  const stored = new Set(parts.map(({ name }) => name));
  return noted.length - new Set(noted.filter((name) => stored.has(name))).size;
}

/** Half of the inserts meet the fate, until enough have. */
function sometimes(fate: Fate): void {
  let turn = 0;
  proxy.hits = 0;
  proxy.fate = () => (turn++ % 2 === 0 && turn < BATCHES * 3 ? fate : 'pass');
}

const FATES: Readonly<Record<string, Fate>> = {
  'a balancer answers 503 in the middle of an insert': 'busy',
  'the connection ends in the middle of an insert': 'cut',
  'the server stores it, its answer comes too late': 'swallow',
  'the server stores it, the connection ends before its answer': 'lose',
  'the server has no memory for it (241)': { max_memory_usage: '1' },
  'the server is read-only (164)': { readonly: '1' },
};

for (const [i, [name, fate]] of Object.entries(FATES).entries()) {
  test(name, async () => {
    await using subject = await start(`fault_${i}`);
    sometimes(fate);
    await sendAll(subject);
    assert.ok(proxy.hits >= BATCHES / 2, `${proxy.hits} inserts met it`);
    await assertExact(subject);
  });
}

const TROUBLE: Readonly<Record<string, readonly [setting: string, value: string]>> = {
  'the disk is full (243)': ['min_free_disk_bytes_to_perform_insert', '1000000000000000'],
  'a table has too many parts (252)': ['parts_to_throw_insert', '1'],
};

for (const [name, [setting, value]] of Object.entries(TROUBLE)) {
  test(name, async () => {
    await using subject = await start(setting);
    proxy.fate = () => 'pass';
    const table = subject.table('otel_traces');
    // tables are looked at part by part from here on
    await subject.client.command(`SYSTEM STOP MERGES ${table}`);
    await subject.client.command(`ALTER TABLE ${table} MODIFY SETTING ${setting} = ${value}`);
    const sent = sendAll(subject);
    await sleep(1000);
    assert.ok(Number(await subject.value(`SELECT toUInt32(count()) FROM ${table}`)) < BATCHES * SPANS);
    await subject.client.command(`ALTER TABLE ${table} RESET SETTING ${setting}`);
    await sent;
    await assertExact(subject);
  });
}

test('the server is killed and started again while rows come in', async (t) => {
  await using subject = await start('killed');
  proxy.fate = () => 'pass';
  const sent = sendAll(subject);
  for (let i = 0; i < 3; i++) {
    await sleep(150);
    await server.stop('SIGKILL');
    await sleep(100);
    await server.run();
  }
  await sent;
  const gone = await forgotten(subject);
  if (gone === 0) return assertExact(subject);
  t.diagnostic(`the server had the tokens of ${gone} inserts without their rows`);
  const [row] = await subject.rows(
    `SELECT toString(count()) AS n, toString(uniqExact(SpanId)) AS u FROM ${subject.table('otel_traces')}`,
  );
  const stored = String((BATCHES - gone) * SPANS);
  assert.deepEqual(row, { n: stored, u: stored });
});

test('the server is not there yet at start', async () => {
  await server.stop('SIGKILL');
  await using subject = await start('later');
  assert.equal(subject.settings.logger.messages('warn').length, 1);
  const sent = sendAll(subject);
  await sleep(200);
  await server.run();
  await sent;
  await assertExact(subject);
});
