import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Chdb } from '../../core/clickhouse/chdb.ts';
import { cli } from './cli.ts';

let folder: string;
let daemon: Chdb;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-query-'));
  daemon = Chdb.open(folder);
  await daemon.command('CREATE DATABASE other');
  await daemon.command('CREATE TABLE other.t (a UInt64, b String) ENGINE = MergeTree ORDER BY a');
  await daemon.command(`INSERT INTO other.t VALUES (18446744073709551615, 'x,"y'), (1, 'z')`);
});
after(async () => {
  await daemon.close();
  await rm(folder, { recursive: true });
});

/** Asks the store of `daemon`, which goes on having it. */
async function ask(argv: readonly string[], write?: () => Promise<void>) {
  let out = '';
  let err = '';
  const terminal = {
    env: {},
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
    write: async (bytes: Uint8Array) => {
      await write?.();
      out += Buffer.from(bytes).toString();
    },
  };
  const code = await cli(['query', `--endpoint=chdb://${folder}`, ...argv], terminal, async () => 0);
  return { code, out, err };
}

test('an answer as a table, as lines of JSON, as CSV', async () => {
  const sql = 'SELECT a, b, nan AS c FROM t ORDER BY a';
  const at = ['--database', 'other', sql];
  const table = await ask(at);
  assert.match(table.out, /┌─+a─┬─b────┬───c─┐\n1\. │ +1 │ z +│ nan │\n2\. │ 18446744073709551615 │ x,"y │ nan │\n/);
  assert.deepEqual(await ask(['--format=json', ...at]), {
    code: 0,
    out: '{"a":1,"b":"z","c":"nan"}\n{"a":18446744073709551615,"b":"x,\\"y","c":"nan"}\n',
    err: '',
  });
  assert.equal((await ask(['--format=csv', ...at])).out, '"a","b","c"\n1,"z",nan\n18446744073709551615,"x,""y",nan\n');
});

test('parameters', async () => {
  const argv = ['--format=json', '--param', "p=a='b", '--param', 'n=7', 'SELECT {p:String} AS p, {n:UInt8} AS n'];
  assert.equal((await ask(argv)).out, '{"p":"a=\'b","n":7}\n');
  assert.match((await ask(['SELECT {p:String}'])).err, /Substitution `p` is not set/);
  assert.equal((await ask(['--param', 'p', 'SELECT 1'])).err, 'Error: --param "p" is not name=value\n');
});

test('errors say what is wrong, and nothing is written', async () => {
  for (const [argv, message] of [
    [['SELEKT 1'], /Code: 62\. .*Syntax error/s],
    [['SELECT * FROM nope'], /Code: 60\. .*UNKNOWN_TABLE/],
    [['INSERT INTO other.t VALUES (2, 2)'], /READONLY/],
    [['DROP TABLE other.t'], /READONLY/],
    [[''], /query needs one argument: the SQL/],
    [['SELECT 1', 'SELECT 2'], /accepts 1 arg/],
    [['--format=xml', 'SELECT 1'], /unknown format "xml": table, json or csv/],
    [['--config=x.yaml', 'SELECT 1'], /either --config or --endpoint/],
    [['--endpoint=chdb:///nowhere/at all', 'SELECT 1'], /there is no embedded store in \/nowhere\/at all/],
    [['--endpoint=chdb://', 'SELECT 1'], /names no directory/],
    [['--endpoint=ftp://x', 'SELECT 1'], /endpoint must be url format/],
    [['--endpoint=http://127.0.0.1:1', 'SELECT 1'], /ECONNREFUSED|127\.0\.0\.1:1/],
  ] as const) {
    const { code, out, err } = await ask(argv);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, message);
  }
  assert.equal((await ask(['--format=csv', 'SELECT count() FROM other.t'])).out, '"count()"\n2\n');
});

test('a reader that goes away ends a query without end', async () => {
  let pieces = 0;
  const gone = async () => {
    if (++pieces > 2) throw new Error('EPIPE');
  };
  const { code, err } = await ask(['--format=csv', 'SELECT number FROM numbers(1000000000000)'], gone);
  assert.deepEqual([code, err], [0, '']);
});
