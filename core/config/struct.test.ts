import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Findings, readSection } from './decoder.ts';
import { describeRows } from './describe.ts';
import { ConfigError, faultLine } from './fault.ts';
import { duration, int, optional, secret, string, struct } from './fields.ts';
import { readYaml } from './read.ts';
import { parseYaml } from './yaml.ts';

const client = struct(
  'net.ClientConfig',
  'Client.',
  {
    endpoint: string('Where to.'),
    compression: string('How.', ''),
    tls: struct('tls.Config', 'TLS.', { ca: string('CA.') }),
  },
  {
    validate(value, path, report) {
      if (value.endpoint === '') report(path, 'endpoint must be set');
    },
  },
);
const queue = struct(
  'q.Config',
  'Queue.',
  { size: int('Size.', 10), max: int('Most.') },
  {
    validate(value, path, report) {
      if (value.size <= 0) report(path, '`size` must be positive');
    },
  },
);
const config = struct(
  'pkg.Config',
  'Exporter.',
  { queue: optional(queue, { present: true }), wait: duration('Wait.', '1s'), key: secret('Key.') },
  {
    embed: [client.with({ compression: 'gzip' })],
    legacy: {
      address: { standard: 'endpoint' },
      queue_size: { standard: 'queue.size' },
      dropped: { standard: 'nothing', convert: () => undefined },
    },
    finish: (value, isSet) => (isSet('queue.max') || value.queue === undefined ? value : { ...value, wait: 5 }),
  },
);

function read(yaml: string, strict = false) {
  const parsed = parseYaml(yaml, 'c.yaml');
  assert.ok('node' in parsed);
  const findings: Findings = { faults: [], warnings: [], strict };
  const value = readSection(config, parsed.node, 'exporters::x', findings);
  return { value, faults: findings.faults.map(faultLine), hints: findings.faults.map((f) => f.hint), findings };
}

test('keys of an embedded section stand in the outer one, with the defaults set for it', () => {
  const { value, faults } = read('endpoint: a\ntls: {ca: b}');
  assert.deepEqual(faults, []);
  assert.equal(value.endpoint, 'a');
  assert.equal(value.compression, 'gzip');
  assert.equal(value.tls.ca, 'b');
  assert.equal(client.absent().compression, '', 'with() leaves the section itself alone');
});

test('validation names the embedded section and points at the key it speaks of', () => {
  assert.deepEqual(read('wait: 1s').faults, ['c.yaml:1:1: exporters::x::clientconfig: endpoint must be set']);
  assert.deepEqual(read('endpoint: ""').faults, ['c.yaml:1:11: exporters::x::clientconfig: endpoint must be set']);
  const { faults } = read('endpoint: a\nqueue:\n  max: 5\n  size: 0\n');
  assert.deepEqual(faults, ['c.yaml:4:9: exporters::x::queue: `size` must be positive']);
});

test('a section that could not be read is not validated', () => {
  assert.deepEqual(read('wait: x').faults.length, 1);
});

test('a section that is off is not validated', () => {
  assert.deepEqual(read('endpoint: a\nqueue: {enabled: false, size: 0}').faults, []);
});

test('legacy keys are read as the standard ones, with a warning each that names the place', () => {
  const { value, findings } = read('address: a\nqueue_size: 3\ndropped: 1');
  assert.deepEqual(findings.faults, []);
  assert.equal(value.endpoint, 'a');
  assert.equal(value.queue?.size, 3);
  assert.deepEqual(findings.warnings, [
    "c.yaml:1:1: exporters::x: 'address' is a key of older collectors, read as 'endpoint'",
    "c.yaml:2:1: exporters::x: 'queue_size' is a key of older collectors, read as 'queue.size'",
    "c.yaml:3:1: exporters::x: 'dropped' is a key of older collectors, read as 'nothing'",
  ]);
});

test('the standard key wins over the legacy one', () => {
  const { value } = read('address: a\nendpoint: b\nqueue_size: 3\nqueue: {max: 1}');
  assert.equal(value.endpoint, 'b');
  assert.deepEqual(value.queue, { size: 3, max: 1 });
});

test('strict refuses a legacy key as the collector does, and names the present one', () => {
  const { faults, hints } = read('endpoint: a\naddress: a', true);
  assert.deepEqual(faults, ["c.yaml:2:1: exporters::x: 'pkg.Config' has invalid keys: address"]);
  assert.deepEqual(hints, ["a key of older collectors, today 'endpoint'"]);
});

test('an unknown key gets the nearest known one as a hint', () => {
  assert.deepEqual(read('endpoint: a\nendpiont: b').hints, ["did you mean 'endpoint'?"]);
  assert.deepEqual(read('endpoint: a\nEndPoint: b').hints, ["did you mean 'endpoint'?"]);
  assert.match(read('endpoint: a\nzzz: b').hints[0] ?? '', /^known keys: endpoint, compression/);
});

test('finish sees what was written', () => {
  assert.equal(read('endpoint: a').value.wait, 5);
  assert.equal(read('endpoint: a\nqueue: {max: 1}').value.wait, 1000);
});

test('toPlain writes values as a user would and hides secrets', () => {
  const { value } = read('endpoint: a\nkey: hunter2\nqueue: {enabled: false}\nwait: 90s');
  const plain = {
    endpoint: 'a',
    compression: 'gzip',
    tls: { ca: '' },
    queue: { enabled: false },
    wait: '1m30s',
    key: '[REDACTED]',
  };
  assert.deepEqual(config.toPlain(value, false), plain);
  assert.deepEqual(config.toPlain(value, true), { ...plain, key: 'hunter2' });
});

test('describeRows lists every key with type, default and text', () => {
  const rows = describeRows(config);
  assert.deepEqual(
    rows.map((row) => [row.key, row.type, row.default]),
    [
      ['endpoint', 'string', undefined],
      ['compression', 'string', 'gzip'],
      ['tls', 'section', undefined],
      ['tls.ca', 'string', undefined],
      ['queue', 'section', undefined],
      ['queue.size', 'int', '10'],
      ['queue.max', 'int', '0'],
      ['wait', 'duration', '1s'],
      ['key', 'secret', undefined],
    ],
  );
  assert.ok(rows.every((row) => row.doc !== ''));
});

test('readYaml throws everything that is wrong', () => {
  assert.equal(readYaml(config, 'endpoint: a').endpoint, 'a');
  assert.throws(
    () => readYaml(config, 'wait: x\nfoo: 1'),
    (error: unknown) => error instanceof ConfigError && error.faults.length === 2,
  );
  assert.throws(() => readYaml(config, 'a: [b'), /yaml: line 1/);
});
