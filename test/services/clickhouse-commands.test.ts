/** `weir clickhouse` and `weir query` on a server over HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cli } from '../../cmd/weir/cli.ts';
import { Lab } from '../support/lab.ts';
import { ClickHouseServer } from './clickhouse.ts';

async function weir(...argv: string[]) {
  let out = '';
  const write = (text: string | Uint8Array) => {
    out += Buffer.from(text).toString();
  };
  const env = { CLICKHOUSE_USER: 'weir', CLICKHOUSE_PASSWORD: 'p@ss' };
  const terminal = { env, stdout: write, stderr: write, write: async (bytes: Uint8Array) => write(bytes) };
  return { code: await cli(argv, terminal, async () => 0), out };
}

test('tables are planned, made and shown; queries stream and only read', async () => {
  await using lab = new Lab();
  await using server = await ClickHouseServer.start({ user: 'weir', password: 'p@ss' });
  for (const schema of ['platform', 'otel']) {
    const file = lab.write(
      `${schema}.yaml`,
      `
receivers: { otlp: { protocols: { http: {} } } }
exporters: { clickhouse: { endpoint: "${server.url}", username: weir, password: p@ss, schema: ${schema}, database: d } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [clickhouse] } } }`,
    );
    assert.match((await weir('clickhouse', 'plan', '--config', file)).out, / to do: weir clickhouse apply\n$/);
    assert.match((await weir('clickhouse', 'apply', '--config', file)).out, / done\.\n$/);
    assert.deepEqual(await weir('clickhouse', 'apply', '--config', file), { code: 0, out: 'Nothing to do.\n' });
    assert.match(
      (await weir('clickhouse', 'show', '--config', file)).out,
      new RegExp(`^d: schema ${schema}, version 1`),
    );
  }
  const ask = (...argv: string[]) => weir('query', '--format=csv', '--database=d', `--endpoint=${server.url}`, ...argv);
  const counted = await ask('--param', 'n=7', 'SELECT count() + {n:UInt8} AS n FROM traces');
  assert.deepEqual(counted, { code: 0, out: '"n"\n7\n' });
  const long = await ask('SELECT number FROM numbers(300000)');
  assert.equal(long.out.trimEnd().split('\n').length, 300_001);
  assert.match((await ask('SELECT * FROM nope')).out, /UNKNOWN_TABLE/);
  assert.equal((await ask('DROP TABLE traces')).code, 1);
  assert.equal((await ask('SELECT count() AS n FROM traces')).out, '"n"\n0\n');
});
