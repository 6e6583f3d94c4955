import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toPlainData } from './node.ts';
import { parseYaml } from './yaml.ts';

function plain(yaml: string): unknown {
  const parsed = parseYaml(yaml, 'c.yaml');
  assert.ok('node' in parsed, 'error' in parsed ? parsed.error : '');
  return toPlainData(parsed.node);
}

test('plain scalars have the types that yaml.v3 of Go gives them', () => {
  const yaml = `
a: [yes, on, no, off, y, true, False, TRUE, ~, null, Null, ]
b: [1, -1, +1, 0x1F, 0b11, 0o17, 017, 08, 1_000, 1e3, 1., .5, -.inf, 12345678901234567890]
c: [1.2.3, 0x, 1e, 12:30, 2024-01-02, "5", '5', !!str 5, !!int "5", !!float 5, nan]
`;
  assert.deepEqual(plain(yaml), {
    a: ['yes', 'on', 'no', 'off', 'y', true, false, true, null, null, null],
    b: [1, -1, 1, 31, 3, 15, 15, 8, 1000, 1000, 1, 0.5, Number.NEGATIVE_INFINITY, 12345678901234567890n],
    c: ['1.2.3', '0x', '1e', '12:30', '2024-01-02', '5', '5', '5', 5, 5, 'nan'],
  });
});

test('integers and floats are told apart', () => {
  const parsed = parseYaml('[10, 10.0, 1e1]', 'c.yaml');
  assert.ok('node' in parsed && parsed.node.kind === 'list');
  const floats = parsed.node.items.map((item) => item.kind === 'scalar' && item.float === true);
  assert.deepEqual(floats, [false, true, true]);
});

test('anchors and merge keys', () => {
  assert.deepEqual(plain('a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\nd: {<<: [*x, {r: 4, q: 5}]}'), {
    a: { p: 1, q: 2 },
    b: { p: 1, q: 2 },
    c: { q: 3, p: 1 },
    d: { p: 1, q: 2, r: 4 },
  });
});

test('only the first document counts, even when a later one is broken', () => {
  assert.deepEqual(plain('a: 1\n---\nb: ['), { a: 1 });
  assert.deepEqual(plain('---\na: 1\n...\n'), { a: 1 });
});

test('nothing but comments is null', () => {
  for (const yaml of ['', '# x\n', '---\n', '~']) assert.equal(plain(yaml), null, yaml);
});

test('each node knows its place', () => {
  const parsed = parseYaml('a:\n  b: [x,\n    y]\n  c:\n', 'f.yaml');
  assert.ok('node' in parsed && parsed.node.kind === 'map');
  const a = parsed.node.entries.get('a');
  assert.ok(a?.node.kind === 'map');
  const b = a.node.entries.get('b');
  assert.ok(b?.node.kind === 'list');
  assert.deepEqual(b.keyAt, { source: 'f.yaml', line: 2, column: 3 });
  assert.deepEqual(b.node.items[1]?.at, { source: 'f.yaml', line: 3, column: 5 });
});

const BROKEN: readonly (readonly [yaml: string, error: RegExp, line: number, column: number])[] = [
  ['a: 1\n\tb: 2', /^yaml: line 2: /, 2, 1],
  ['a: [1', /^yaml: line 1: /, 1, 6],
  ['a: b: c', /^yaml: line 1: /, 1, 4],
  ['a: 1\nb: 2\na: 3', /line 3: mapping key "a" already defined at line 1/, 3, 1],
  ['a: *nope', /unknown anchor referenced/, 1, 4],
  ['a: &a [*a]', /anchor value contains itself/, 1, 7],
  ['a: {<<: 5}', /map merge requires map/, 1, 9],
  ['? [a]\n: 1', /cannot be a key/, 1, 3],
  ['a: "\u0001"', /control characters/, 1, 5],
  ['a: !!int x', /cannot decode/, 1, 10],
];

test('broken YAML is refused with its place', () => {
  for (const [yaml, error, line, column] of BROKEN) {
    const parsed = parseYaml(yaml, 'c.yaml');
    assert.ok('error' in parsed, yaml);
    assert.match(parsed.error, error);
    assert.deepEqual([parsed.at.line, parsed.at.column], [line, column], yaml);
  }
});

test('aliases of aliases cannot fill the memory', () => {
  const levels = Array.from({ length: 12 }, (_, i) => {
    const refs = Array.from({ length: 10 }, () => `*l${i - 1}`).join(', ');
    return i === 0 ? 'l0: &l0 [x]' : `l${i}: &l${i} [${refs}]`;
  });
  const parsed = parseYaml(levels.join('\n'), 'c.yaml');
  assert.ok('error' in parsed);
  assert.match(parsed.error, /excessive aliasing/);
});

/** What Go's yaml.v3 does not read, though it is YAML. */
const NOT_FOR_GO: readonly (readonly [string, RegExp])[] = [
  ['a:\n\tb: 1', /cannot start any token/],
  ['a:\n-\t1', /cannot start any token/],
  ['a: 1\n\t# comment', /cannot start any token/],
  ['# one\n\ta: 1', /cannot start any token/],
  ['a: 1\n# one\n\t', /cannot start any token/],
  ['a: 1 # one\n\t# two', /cannot start any token/],
  ['a:\n  b: "c"\n\t\nd: 1', /cannot start any token/],
  ['a:\n  b: c\n  \t\nd: 1', /cannot start any token/],
  ['a: &x {}\nb: {<<: *x, <<: *x}', /mapping key "<<" already defined/],
  ['a: &x [{}]\nb: {<<: *x}', /map merge requires/],
  ['a: &x.y 1', /in an anchor/],
  ['%YAML 1.2\n---\na: 1', /incompatible YAML document/],
  ['%FOO\n---\na: 1', /directive/],
  ['a: !!int 5.5', /cannot decode/],
];

test('what Go does not read is refused', () => {
  for (const [yaml, error] of NOT_FOR_GO) {
    const parsed = parseYaml(yaml, 'c.yaml');
    assert.match('error' in parsed ? parsed.error : 'read', error, yaml);
  }
});

test('tabs may stand in brackets, in texts, behind values and between the lines of a text', () => {
  assert.deepEqual(plain('a: [1,\n  \t2]\nb:\t3\t# x\n'), { a: [1, 2], b: 3 });
  assert.deepEqual(plain('c: "\t"\nd: |\n  \tx\n'), { c: '\t', d: '\tx\n' });
  assert.deepEqual(plain('a:\n  b: c\n    \t\n  d: 1\n'), { a: { b: 'c', d: 1 } });
  assert.deepEqual(plain('a:\n  - x\n   \t\n  - y\n'), { a: ['x', 'y'] });
});

test('tabs may stand from one comment on a line of its own to the next', () => {
  assert.deepEqual(plain('# one\n\t# two\n\t\n  \t# three\na: 1\n'), { a: 1 });
  assert.deepEqual(plain('a:\n  - b\n  # one\n\t# - c\n  - # two\n\t# three\n    d\n'), { a: ['b', 'd'] });
});

test('a sole exclamation mark says nothing', () => {
  assert.deepEqual(plain('a: ! 5\nb: ! "5"'), { a: 5, b: '5' });
});

test('dates are marked if asked for', () => {
  const yaml =
    '[2001-01-01, 2001-1-1T10:00:00Z, 2001-01-01 10:00:00.5, !!timestamp 2001-01-01, ' +
    '2001-02-30, 2001-01-01T10:00:00, 2001-01-01 10:00:00Z, "2001-01-01", 2001-01-01x]';
  const marked = (dates: boolean) => {
    const parsed = parseYaml(yaml, 'c.yaml', { dates });
    assert.ok('node' in parsed && parsed.node.kind === 'list');
    return parsed.node.items.map((item) => item.kind === 'scalar' && item.date === true);
  };
  assert.deepEqual(marked(true), [true, true, true, true, false, false, false, false, false]);
  assert.ok(!marked(false).includes(true));
});
