// biome-ignore-all lint/suspicious/noTemplateCurlyInString: configurations are full of them
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { cli, type Run } from './cli.ts';

const GOOD = `receivers:
  nop:
processors:
  batch:
    timeout: 1s
exporters:
  nop:
  otlp/secret:
    endpoint: localhost:4317
    headers: {authorization: hunter2}
service:
  pipelines:
    traces: {receivers: [nop], processors: [batch], exporters: [nop]}
`;

let folder = '';
let good = '';
let bad = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-cli-'));
  good = join(folder, 'good.yaml');
  bad = join(folder, 'bad.yaml');
  await writeFile(good, GOOD);
  await writeFile(bad, GOOD.replace('timeout: 1s', 'timout: 1s').replace('processors: [batch]', 'processors: [bach]'));
});
after(() => rm(folder, { recursive: true }));

async function weir(
  argv: readonly string[],
  run: Run = async () => 0,
): Promise<{ code: number; out: string; err: string }> {
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
  const code = await cli(argv, terminal, run);
  return { code, out, err };
}

test('validate is silent about a good configuration', async () => {
  assert.deepEqual(await weir(['validate', '--config', good]), { code: 0, out: '', err: '' });
});

test('validate shows all faults with place, line and hint', async () => {
  const { code, out, err } = await weir(['validate', '--config', bad]);
  assert.deepEqual([code, out], [1, '']);
  assert.equal(
    err,
    `Error: ${bad}:5:5: processors::batch: 'batchprocessor.Config' has invalid keys: timout
  5 |     timout:
    |     ^^^^^^ did you mean 'timeout'?
Error: ${bad}:13:45: service::pipelines::traces: references processor "bach" which is not configured
  13 |     … bach
     |       ^^^^ did you mean 'batch'?
`,
  );
});

test('validate tells warnings and is not failed by them', async () => {
  const { code, err } = await weir(['validate', '--config', good, '--set=processors.batch.timeout=${env:NOPE}']);
  assert.equal(code, 0);
  assert.equal(err, 'Warning: yaml::1:29: Configuration references unset environment variable "NOPE"\n');
});

test('what fails tells warnings too: they may be why', async () => {
  const { code, err } = await weir(['validate', '--config', 'env:NOPE']);
  assert.equal(code, 1);
  assert.match(err, /^Error: [\s\S]*Warning: Configuration references unset environment variable "NOPE"\n$/);
});

test('without a command the pipelines run, with a way to load the configuration anew', async () => {
  const seen: string[] = [];
  const { code } = await weir(['--config', good], async (load) => {
    for (let i = 0; i < 2; i++) seen.push(...(await load()).pipelines.map((p) => p.id));
    return 7;
  });
  assert.deepEqual([code, seen], [7, ['traces', 'traces']]);
  const { code: failed, err } = await weir(['--config', bad], async (load) => (await load()).pipelines.length);
  assert.equal(failed, 1);
  assert.match(err, /^Error: .*bad.yaml:5:5/);
});

test('an error of the run is one line', async () => {
  const { code, err } = await weir(['--config', good], () => Promise.reject(new Error('cannot start pipelines: no')));
  assert.deepEqual([code, err], [1, 'Error: cannot start pipelines: no\n']);
});

test('print-config fills in defaults and hides secrets', async () => {
  const redacted = parse((await weir(['print-config', '--config', good])).out);
  assert.equal(redacted.exporters['otlp/secret'].headers.authorization, '[REDACTED]');
  assert.equal(redacted.exporters['otlp/secret'].retry_on_failure.initial_interval, '5s');
  assert.equal(redacted.processors.batch.timeout, '1s');
  assert.deepEqual(redacted.service.pipelines.traces.exporters, ['nop']);
  const open = await weir(['print-config', '--config', good, '--mode=unredacted', '--format=json']);
  assert.equal(JSON.parse(open.out).exporters['otlp/secret'].headers.authorization, 'hunter2');
  assert.equal((await weir(['print-config', '--config', good, '--mode=x'])).code, 1);
});

test('a printed configuration is a configuration', async () => {
  const printed = join(folder, 'printed.yaml');
  await writeFile(printed, (await weir(['print-config', '--config', good, '--mode=unredacted'])).out);
  assert.deepEqual(await weir(['validate', '--config', printed]), { code: 0, out: '', err: '' });
});

test('components are listed with their stability', async () => {
  const listed = parse((await weir(['components'])).out);
  assert.equal(listed.buildinfo.command, 'weir');
  const nop = listed.receivers.find((row: { name: string }) => row.name === 'nop');
  assert.deepEqual(nop.stability, { logs: 'Beta', metrics: 'Beta', traces: 'Beta' });
  const forward = listed.connectors.find((row: { name: string }) => row.name === 'forward');
  assert.deepEqual([forward.stability['traces-to-traces'], forward.stability['traces-to-logs']], ['Beta', 'Undefined']);
});

test('the JSON Schema takes good configurations and refuses bad ones', async () => {
  const check = new Ajv2020({ strict: false }).compile(JSON.parse((await weir(['schema'])).out));
  const config = parse(GOOD);
  assert.ok(check(config), JSON.stringify(check.errors));
  const filled = parse((await weir(['print-config', '--config', good])).out);
  assert.ok(check(filled), JSON.stringify(check.errors));
  const wrong: readonly ((c: typeof config) => void)[] = [
    (c) => Object.assign(c.processors, { batch: { timout: '1s' } }),
    (c) => Object.assign(c.processors, { batch: { timeout: 'soon' } }),
    (c) => Object.assign(c.processors, { batch: { send_batch_size: 'x' } }),
    (c) => Object.assign(c.processors, { bach: {} }),
    (c) => Object.assign(c, { procesors: {} }),
    (c) => Object.assign(c.service.pipelines, { trace: {} }),
    (c) => Object.assign(c.exporters, { otlp: { tls: { insecure: 'yes' } } }),
  ];
  for (const spoil of wrong) {
    const spoilt = parse(GOOD);
    spoil(spoilt);
    assert.equal(check(spoilt), false, spoil.toString());
  }
  const expanded = parse(GOOD);
  expanded.processors.batch = { timeout: '${env:T}', send_batch_size: '${env:N}' };
  assert.ok(check(expanded));
});

test('explain shows a component, a section and a key', async () => {
  assert.match(
    (await weir(['explain', 'batch'])).out,
    /^processor\/batch\n.*\n {2}Configured under processors\.\n\n {2}timeout +duration = 200ms/,
  );
  assert.match((await weir(['explain', 'processor/batch.timeout'])).out, /type {5}duration\n {2}default {2}200ms/);
  assert.match((await weir(['explain', 'otlp.sending_queue'])).out, /sending_queue\n/);
  assert.match((await weir(['explain', 'service.telemetry.logs.level'])).out, /default {2}info/);
  assert.equal((await weir(['explain', 'bach'])).err, 'Error: there is no component bach; did you mean batch?\n');
  assert.match(
    (await weir(['explain', 'batch.timout'])).err,
    /processor\/batch has no key timout; did you mean timeout\?/,
  );
});

test('the small commands', async () => {
  assert.match((await weir(['--version'])).out, /^weir version \d+\.\d+\.\d+\n$/);
  assert.match((await weir(['help'])).out, /Usage:\n {2}weir --config file.yaml/);
  assert.match((await weir(['validate', '--help'])).out, /weir validate \[flags\]/);
  assert.match((await weir(['featuregate'])).out, /^ID +Enabled +Stage +Description\n/);
  assert.match((await weir(['featuregate', 'service.profilesSupport'])).out, /Enabled: false\nStage: Alpha/);
  assert.deepEqual(await weir(['featuregate', 'x']), { code: 1, out: '', err: 'Error: feature "x" not found\n' });
  assert.equal((await weir(['validate', 'x'])).err, 'Error: validate accepts 0 arg(s), received 1\n');
  assert.equal((await weir(['--foo'])).err, "Error: unknown flag: --foo\nRun 'weir help' for usage.\n");
});

test('commands about topics and tables say what they need', async () => {
  const errorOf = async (...argv: string[]) => (await weir(argv)).err;
  assert.equal(await errorOf('topics'), 'Error: topics needs --config FILE, where the topics are declared\n');
  assert.equal(await errorOf('clickhouse', 'show'), 'Error: clickhouse needs --config FILE, which has the exporter\n');
  assert.match(await errorOf('topics', 'plan', '--config', good), /a file of their own, as configs\/topics\.yaml/);
  assert.match(await errorOf('topics', 'show', '--config', 'yaml:brokers: a:1'), /topics: none are declared/);
  const old = 'yaml:{rack_id: r, topics: {}}';
  assert.match(await errorOf('topics', 'show', '--config', old), /^Warning: .*'rack_id' has no effect/);
});
