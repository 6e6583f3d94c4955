import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Chdb } from '../../core/clickhouse/chdb.ts';
import { cli } from './cli.ts';

const REST = `
receivers: { otlp: { protocols: { http: {} } } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [NAME] } } }
`;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-cli-clickhouse-'));
});
after(() => rm(folder, { recursive: true }));

async function weir(argv: readonly string[], exporters: string) {
  const file = join(folder, 'config.yaml');
  const name = /^ {2}([\w/]+):/m.exec(exporters)?.[1] ?? '';
  await writeFile(file, `exporters:\n${exporters}\n${REST.replace('NAME', name)}`);
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
      out += Buffer.from(bytes).toString();
    },
  };
  const code = await cli([...argv, '--config', file], terminal, async () => 0);
  return { code, out, err };
}

test('plan, apply, show, and then there is nothing to do', async () => {
  const exporters = `  clickhouse: { endpoint: "chdb://${folder}/a", schema: platform, database: mine }`;
  const plan = await weir(['clickhouse', 'plan'], exporters);
  assert.match(plan.out, /^CREATE DATABASE IF NOT EXISTS `mine`;\n\nCREATE TABLE IF NOT EXISTS `mine`\.`traces` \(/);
  assert.match(plan.out, /6 to do: weir clickhouse apply\n$/);
  assert.match(
    (await weir(['clickhouse', 'show'], exporters)).out,
    /^mine: schema platform, never applied .*\ntraces: not/,
  );
  assert.match((await weir(['clickhouse', 'apply'], exporters)).out, /6 done\.\n$/);
  assert.deepEqual(await weir(['clickhouse'], exporters), { code: 0, out: 'Nothing to do.\n', err: '' });
  const show = await weir(['clickhouse', 'show'], exporters);
  assert.match(
    show.out,
    /^mine: schema platform, version 1 \(this program: 1\)\ntraces: MergeTree, 0 rows, 0 bytes, TTL /,
  );
  const query = await weir(['query', '--format', 'csv', 'SELECT count() AS n FROM traces'], exporters);
  assert.equal(query.out, '"n"\n0\n', 'the database of the exporter is asked');
});

test('the tables of the collector too; what differs is told', async () => {
  const exporters = `  clickhouse: { endpoint: "chdb://${folder}/b" }`;
  assert.match((await weir(['clickhouse', 'apply'], exporters)).out, / done\.\n$/);
  assert.deepEqual(await weir(['clickhouse', 'plan'], exporters), { code: 0, out: 'Nothing to do.\n', err: '' });
  const store = Chdb.open(join(folder, 'b'));
  await store.command(
    'ALTER TABLE otel_traces ADD COLUMN mine UInt8, MODIFY TTL toDateTime(Timestamp) + INTERVAL 1 DAY',
  );
  await store.close();
  const { out, err } = await weir(['clickhouse', 'plan'], exporters);
  assert.equal(out, 'Nothing to do.\n');
  assert.match(
    err,
    /^Differs: otel_traces has columns of its own: mine\nDiffers: otel_traces has the TTL .*REMOVE TTL\n$/,
  );
});

test('what an embedded engine cannot do is refused when the configuration is read', async () => {
  for (const [keys, message] of [
    ['cluster_name: c', /an embedded engine has no cluster/],
    ['table_engine: { name: ReplicatedMergeTree }', /has no tables of type ReplicatedMergeTree/],
    ['username: u', /an embedded engine has no users/],
    ['connection_params: { max_threads: "1" }', /an embedded engine has no connection_params/],
  ] as const) {
    const { code, err } = await weir(['validate'], `  clickhouse: { endpoint: "chdb://${folder}/c", ${keys} }`);
    assert.equal(code, 1, keys);
    assert.match(err, message);
  }
  const { err } = await weir(['validate'], '  clickhouse: { endpoint: "chdb://" }');
  assert.match(err, /names no directory: chdb:\/\/\.\/relative or chdb:\/\/\/absolute/);
});

test('which exporter is meant', async () => {
  const one = `  clickhouse/a: { endpoint: "chdb://${folder}/d", schema: platform }`;
  const two = `${one}\n  clickhouse/b: { endpoint: "chdb://${folder}/e" }`;
  assert.match(
    (await weir(['clickhouse'], two)).err,
    /several clickhouse exporters, name one: clickhouse\/a, clickhouse\/b/,
  );
  assert.match((await weir(['clickhouse', '--exporter=clickhouse/a'], two)).out, /6 to do|5 to do/);
  assert.match((await weir(['clickhouse', '--exporter=clickhouse/c'], two)).err, /one of these: clickhouse\/a/);
  assert.match((await weir(['clickhouse'], '  nop: {}')).err, /the configuration has no clickhouse exporter/);
  assert.match((await weir(['clickhouse', 'drop'], one)).err, /unknown command "drop": clickhouse plan, apply or show/);
});
