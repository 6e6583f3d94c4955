import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Findings, readSection } from './decoder.ts';
import { faultLine } from './fault.ts';
import { any, int, mapOf, string, struct, withoutEffect } from './fields.ts';
import { bufferSize } from './sections/common.ts';
import { parseYaml } from './yaml.ts';

const open = struct('pkg.Open', 'Takes further keys.', { size: int('Size.') }, { others: mapOf('', any('')) });
const lax = struct('pkg.Lax', 'Takes any keys.', { size: int('Size.') }, { ignoresUnknown: true });
const config = struct(
  'pkg.Config',
  'Config.',
  { size: int('Size.'), limit: int('Ours.'), open, lax },
  { ours: ['limit'] },
);

function read(yaml: string, strict = false) {
  const parsed = parseYaml(yaml, 'c.yaml');
  assert.ok('node' in parsed);
  const findings: Findings = { faults: [], warnings: [], strict };
  const value = readSection(config, parsed.node, 'processors::x', findings);
  return { value, faults: findings.faults.map(faultLine), warnings: findings.warnings };
}

test('a key of our own is a key like any other, and unknown where the collector alone counts', () => {
  assert.deepEqual(read('limit: 3').value, { size: 0, limit: 3, open: { size: 0 }, lax: { size: 0 } });
  assert.deepEqual(read('limit: 3').faults, []);
  const { faults } = read('limit: 3\nsize: 2', true);
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /'pkg\.Config' has invalid keys: limit/);
  assert.deepEqual(read('size: 2', true).faults, []);
});

test('where further keys are allowed, what they hold is checked and not kept', () => {
  const { value, faults } = read('open: {size: 1, more: {a: 1}, none: }');
  assert.deepEqual(faults, []);
  assert.deepEqual(value.open, { size: 1 });
  assert.match(read('open: {more: 3}').faults[0] ?? '', /open\.more/);
});

test('where unknown keys have no effect, a warning says so, strictly too', () => {
  for (const strict of [false, true]) {
    const { value, faults, warnings } = read('lax: {size: 1, sise: 2}', strict);
    assert.deepEqual([value.lax, faults], [{ size: 1 }, []]);
    assert.deepEqual(warnings, [
      "c.yaml:1:16: processors::x: 'lax.sise' is unknown and has no effect (did you mean 'size'?)",
    ]);
  }
});

const idle = struct('pkg.Idle', 'Has keys that change nothing.', {
  size: withoutEffect('buffers grow', (doc) => int(doc, 4)),
  eager: withoutEffect('nobody waits', (doc) => string(doc, 'often'), 'never'),
  buffer: bufferSize(512),
});

test('a key that changes nothing is warned of, unless it says what happens anyway', () => {
  const warningsOf = (yaml: string) => {
    const parsed = parseYaml(yaml, 'c.yaml');
    assert.ok('node' in parsed);
    const findings: Findings = { faults: [], warnings: [], strict: true };
    readSection(idle, parsed.node, 'exporters::x', findings);
    assert.deepEqual(findings.faults, []);
    return findings.warnings;
  };
  assert.deepEqual(warningsOf('{size: 4, eager: never}'), []);
  assert.deepEqual(warningsOf('{eager: often}'), [], 'the default');
  assert.deepEqual(warningsOf('{buffer: 0}'), [], 'the size that the program chooses');
  assert.equal(warningsOf('{buffer: 1024}').length, 1);
  assert.deepEqual(warningsOf('{size: 5, eager: always}'), [
    "c.yaml:1:8: exporters::x: 'size' has no effect: buffers grow",
    "c.yaml:1:18: exporters::x: 'eager' has no effect: nobody waits",
  ]);
  assert.deepEqual(idle.absent(), { size: 4, eager: 'often', buffer: 512 });
  assert.equal(idle.fields.get('size')?.doc, 'Without effect: buffers grow.');
});
