import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Chdb } from './chdb.ts';
import { embeddedDirectory } from './embedded/directory.ts';

const COLUMNS = ['id', 'text', 'at'];
/** Statements that one row of the table needs to be stored, with a view and deduplication. */
const SCHEMA = [
  `CREATE TABLE t (id UInt64, text String, at DateTime64(9)) ENGINE = MergeTree ORDER BY id PARTITION BY toYYYYMM(at)
   SETTINGS non_replicated_deduplication_window = 100`,
  `CREATE TABLE counts (month Date, n UInt64) ENGINE = SummingMergeTree ORDER BY month
   SETTINGS non_replicated_deduplication_window = 100`,
  'CREATE MATERIALIZED VIEW counting TO counts AS SELECT toStartOfMonth(at) AS month, count() AS n FROM t GROUP BY month',
];

let folder: string;
let ch: Chdb;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-chdb-'));
  ch = Chdb.open(join(folder, 'a store'));
  for (const sql of SCHEMA) await ch.command(sql);
});
after(async () => {
  await ch.close();
  await rm(folder, { recursive: true });
});

test('bytes that mean something to a parser of statements arrive as they are', async () => {
  const ids = [10, 13, 32, 34, 39, 59, 0x0a0a, 0x0a3b0a];
  await insert(ids, 'bytes');
  const rows = await json(ch, 'SELECT id, hex(text) AS text FROM t ORDER BY id');
  assert.deepEqual(
    rows,
    ids.map((id) => ({ id, text: '3B0A00' })),
  );
  await ch.command('TRUNCATE TABLE t');
  await ch.command('TRUNCATE TABLE counts');
});

test('the same token stores nothing twice, in views either, in whatever month the rows are', async () => {
  const ids = [1, 2, 40 * 86_400];
  await insert(ids, `once'\\`);
  await insert(ids, `once'\\`);
  await insert(ids, 'again');
  assert.deepEqual(await json(ch, 'SELECT count() AS n FROM t'), [{ n: 6 }]);
  assert.deepEqual(await json(ch, 'SELECT sum(n) AS n FROM counts'), [{ n: 6 }]);
});

test('rows that are cut short are refused whole', async () => {
  const body = [Buffer.concat([row(100), row(101).subarray(0, 7)])];
  const whole = { database: 'default', table: 't', columns: COLUMNS, format: 'RowBinary', body, rows: 2 };
  await assert.rejects(ch.insert(whole), /CANNOT_READ_ALL_DATA/);
  assert.deepEqual(await json(ch, 'SELECT count() AS n FROM t WHERE id >= 100 AND id < 200'), [{ n: 0 }]);
});

test('parameters are values, whatever they hold', async () => {
  const p = `a'b\\c\td\ne\0f {x:String} ; DROP TABLE t`;
  assert.deepEqual(await json(ch, 'SELECT {p:String} AS p', { p }), [{ p }]);
  await assert.rejects(json(ch, 'SELECT {p:String} AS p', { 'p = 1, x': '' }), /not the name of a setting/);
  await assert.rejects(json(ch, 'SELECT {p:String} AS p'), /p/, 'those of the query before are gone');
});

test('a query only reads', async () => {
  for (const sql of [
    'INSERT INTO t (id) VALUES (1)',
    'DROP TABLE t',
    'SET readonly = 0',
    `SELECT * FROM file('/etc/passwd', 'LineAsString')`,
    `SELECT 1 INTO OUTFILE 'x'`,
    `SELECT 1 /* ' */ into -- '\n outfile 'x'`,
  ]) {
    await assert.rejects(json(ch, sql), sql);
  }
  assert.deepEqual(await json(ch, `SELECT 'into outfile' AS x`), [{ x: 'into outfile' }]);
});

test('an answer is streamed, and ends where the reader ends it', async () => {
  const got: number[] = [];
  for await (const piece of ch.query({ sql: 'SELECT number FROM numbers(1000000000000)', format: 'TSV' })) {
    got.push(piece.length);
    if (got.length > 3) break;
  }
  const running = `SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers(1000000000000)%'`;
  for (const deadline = performance.now() + 10_000; ; ) {
    const [{ n }] = (await json(ch, running)) as [{ n: number }];
    if (n === 1) break;
    assert.ok(performance.now() < deadline, 'it still runs');
  }
});

test('what is no SELECT answers too', async () => {
  assert.deepEqual((await json(ch, 'SHOW TABLES')).slice(0, 3), [
    { name: 'counting' },
    { name: 'counts' },
    { name: 't' },
  ]);
  assert.equal((await json(ch, 'DESCRIBE t')).length, 3);
  assert.equal((await json(ch, 'EXPLAIN SELECT 1')).length > 1, true);
});

test('a fault in the middle of an answer is an error, not a short answer', async () => {
  const sql = 'SELECT throwIf(number = 500000) FROM numbers(1000000) SETTINGS max_block_size = 1000';
  await assert.rejects(json(ch, sql), /Cannot modify|throwIf/);
  await assert.rejects(json(ch, 'SELECT throwIf(number = 500000) FROM numbers(1000000)'), /throwIf/);
});

test('rows leave when their time has come, and parts are merged', async () => {
  await ch.command(`CREATE TABLE old (at DateTime) ENGINE = MergeTree ORDER BY at TTL at + INTERVAL 1 SECOND
    SETTINGS merge_with_ttl_timeout = 1`);
  for (let i = 0; i < 3; i++) await ch.command('INSERT INTO old VALUES (now()), (now() + 1000)');
  for (const deadline = performance.now() + 30_000; ; ) {
    const [{ n }] = (await json(ch, 'SELECT count() AS n FROM old')) as [{ n: number }];
    if (n === 3) break;
    assert.ok(performance.now() < deadline, `${n} rows`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});

test('a second process is a guest of the one that has the directory', async () => {
  const guest = await Chdb.visit(join(folder, 'a store'));
  assert.deepEqual(await json(guest, 'SELECT 1 AS x'), [{ x: 1 }]);
  await guest.close();
  assert.deepEqual(await json(ch, 'SELECT 2 AS x'), [{ x: 2 }], 'the guest does not end it');
});

test('a second owner is told that there is one', async () => {
  const main = new URL('./embedded/main.ts', import.meta.url);
  const second = fork(main, [join(folder, 'a store')], { execArgv: [] });
  const [started] = (await once(second, 'message')) as [{ fault?: string }];
  assert.match(started.fault ?? '', /in use by another process; a store has one at a time/);
  assert.deepEqual(await once(second, 'exit'), [0, null]);
});

test('an engine whose parent is gone before it is ready ends', async () => {
  const orphan = fork(new URL('./embedded/main.ts', import.meta.url), [join(folder, 'orphan')], { execArgv: [] });
  orphan.disconnect();
  assert.deepEqual(await once(orphan, 'exit'), [0, null]);
});

test('an engine that is killed comes back with what it had acknowledged, and leaves no files of inserts', async () => {
  await insertInTheEnd([7000, 7001], 'before');
  const { pid } = JSON.parse(readFileSync(join(folder, 'a store', 'engine.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await insertInTheEnd([7000, 7001], 'before');
  assert.deepEqual(await json(ch, 'SELECT count() AS n FROM t WHERE id >= 7000 AND id < 8000'), [{ n: 2 }]);
  assert.deepEqual(readdirSync(join(folder, 'a store', 'inserts')), []);
});

test('what stands behind chdb:// is a path', () => {
  assert.equal(embeddedDirectory('chdb:///var/lib/a b%20'), '/var/lib/a b%20');
  assert.equal(embeddedDirectory('chdb://./data/x'), join(process.cwd(), 'data/x'));
  assert.equal(embeddedDirectory('chdb://data/x'), join(process.cwd(), 'data/x'));
  for (const bad of ['chdb://', 'chdb:///', 'chdb://.', 'http://x', 'chdb://a\0b']) {
    assert.throws(() => embeddedDirectory(bad), bad);
  }
});

function row(id: number): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeBigUInt64LE(BigInt(id));
  bytes.write('\u0003;\n\0', 8);
  bytes.writeBigInt64LE(BigInt(id) * 1_000_000_000n, 12);
  return bytes;
}

function insert(ids: readonly number[], token: string): Promise<void> {
  const body = ids.map(row);
  return ch.insert({ database: 'default', table: 't', columns: COLUMNS, format: 'RowBinary', body, rows: 1, token });
}

async function json(from: Chdb, sql: string, params: Readonly<Record<string, string>> = {}): Promise<unknown[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of from.query({ sql, params, format: 'JSONEachRow' })) pieces.push(piece);
  const lines = Buffer.concat(pieces).toString().trimEnd();
  return lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line) as unknown);
}

/** As an exporter does: again, as long as the engine, or a connection that was idle for long, is gone. */
async function insertInTheEnd(ids: readonly number[], token: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return await insert(ids, token);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
