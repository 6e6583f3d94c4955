import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Findings, readSection } from './decoder.ts';
import { faultLine } from './fault.ts';
import {
  any,
  bool,
  componentId,
  duration,
  float,
  headers,
  int,
  list,
  mapOf,
  maybe,
  oneOf,
  optional,
  secret,
  string,
  stringList,
  struct,
  uint32,
  uint64,
} from './fields.ts';
import type { ConfigNode } from './node.ts';
import { parseYaml } from './yaml.ts';

const inner = struct('pkg.Inner', 'Inner.', { size: int('Size.', 7), name: string('Name.', 'x') });

const config = struct('pkg.Config', 'All kinds of fields.', {
  text: string('Text.', 'default'),
  flag: bool('Flag.', true),
  whole: int('Whole.', 3),
  small: uint32('Small.', 8192),
  large: uint64('Large.'),
  share: float('Share.', 0.5),
  wait: duration('Wait.', '200ms'),
  password: secret('Password.'),
  mode: oneOf('Mode.', ['basic', 'Full'], 'basic', (found) => `unknown mode ${found}`, { ignoreCase: true }),
  storage: componentId('Storage.'),
  keys: stringList('Keys.', ['a']),
  numbers: list('Numbers.', int('Number.')),
  limits: mapOf('Limits.', int('Limit.')),
  headers: headers('Headers.'),
  extra: any('Extra.'),
  plain: inner,
  on: optional(inner, { present: true }),
  off: optional(inner, { present: false }),
  pointer: optional(inner, { present: false, whenNull: 'off', enabledKey: false }),
  perhaps: maybe(int('Perhaps.')),
});

/** `${text}` stands for a value that came whole from an expansion. */
function read(yaml: string, fromExpansion?: string): { value: ReturnType<typeof config.absent>; faults: string[] } {
  const parsed = parseYaml(yaml, 'c.yaml');
  assert.ok('node' in parsed, yaml);
  const findings: Findings = { faults: [], warnings: [], strict: false };
  const node = fromExpansion === undefined ? parsed.node : withText(parsed.node, fromExpansion);
  return { value: readSection(config, node, 'processors::x', findings), faults: findings.faults.map(faultLine) };
}

function withText(node: ConfigNode, text: string): ConfigNode {
  assert.equal(node.kind, 'map');
  const entries = [...node.entries].map(([key, e]) => [key, { ...e, node: { ...e.node, text } }] as const);
  return { ...node, entries: new Map(entries) };
}

const VALUES: readonly (readonly [yaml: string, key: keyof ReturnType<typeof config.absent>, value: unknown])[] = [
  ['{}', 'wait', 200],
  ['wait: 5', 'wait', 5e-6],
  ['wait: 1.5', 'wait', 1e-6],
  ['wait: 0', 'wait', 0],
  ['wait:', 'wait', 0],
  ['wait: 2s', 'wait', 2000],
  ['small:', 'small', 0],
  ['small: 10.5', 'small', 10],
  ['small: 1e3', 'small', 1000],
  ['small: 0x10', 'small', 16],
  ['small: 0o17', 'small', 15],
  ['small: 017', 'small', 15],
  ['small: 1_000', 'small', 1000],
  ['small: 99999999999', 'small', 1215752191],
  ['whole: 5.9', 'whole', 5],
  ['whole: -5.9', 'whole', -5],
  ['large: 18446744073709551615', 'large', 2 ** 64],
  ['whole: 1e30', 'whole', -(2 ** 63)],
  ['whole: .nan', 'whole', -(2 ** 63)],
  ['large: 1e30', 'large', 2 ** 63],
  ['share: 2', 'share', 2],
  ['share: .5', 'share', 0.5],
  ['share: .inf', 'share', Number.POSITIVE_INFINITY],
  ['text:', 'text', ''],
  ['text: on', 'text', 'on'],
  ['text: "5"', 'text', '5'],
  ['text: !!str 5', 'text', '5'],
  ['flag:', 'flag', false],
  ['flag: True', 'flag', true],
  ['mode: FULL', 'mode', 'Full'],
  ['mode:', 'mode', 'basic'],
  ['storage: " file_storage / a "', 'storage', 'file_storage/a'],
  ['keys: a, b', 'keys', ['a', ' b']],
  ['keys: ""', 'keys', []],
  ['keys:', 'keys', []],
  ['keys: [x, ~]', 'keys', ['x', '']],
  ['numbers: [1, 2.5, ~]', 'numbers', [1, 2, 0]],
  ['limits: {a: 1, b: }', 'limits', { a: 1, b: 0 }],
  ['extra: {a: [1, x, ~]}', 'extra', { a: [1, 'x', null] }],
  ['plain:', 'plain', { size: 7, name: 'x' }],
  ['plain: {size: }', 'plain', { size: 0, name: 'x' }],
  ['on:', 'on', { size: 7, name: 'x' }],
  ['on: {enabled: false, size: 1}', 'on', undefined],
  ['{}', 'off', undefined],
  ['off:', 'off', { size: 7, name: 'x' }],
  ['off: {enabled: true}', 'off', { size: 7, name: 'x' }],
  ['pointer:', 'pointer', undefined],
  ['pointer: {}', 'pointer', { size: 7, name: 'x' }],
  ['{}', 'perhaps', undefined],
  ['perhaps: 0', 'perhaps', 0],
];

test('values are read by the rules of the collector', () => {
  for (const [yaml, key, value] of VALUES) {
    const { value: config, faults } = read(yaml);
    assert.deepEqual(faults, [], yaml);
    assert.deepEqual(
      JSON.parse(JSON.stringify([config[key] ?? null])),
      JSON.parse(JSON.stringify([value ?? null])),
      yaml,
    );
  }
});

const FAULTS: readonly (readonly [yaml: string, fault: string])[] = [
  ['small: "5"', `1:8: processors::x: 'small' expected type 'uint32', got unconvertible type 'string' (found "5")`],
  ['small: true', `1:8: processors::x: 'small' expected type 'uint32', got unconvertible type 'bool' (found true)`],
  ['small: -1', "1:8: processors::x: 'small' cannot parse value as 'uint32': -1 overflows uint"],
  ['small: -1.5', "1:8: processors::x: 'small' cannot parse value as 'uint32': -1.500000 overflows uint"],
  ['small: -0.5', "1:8: processors::x: 'small' cannot parse value as 'uint32': -0.500000 overflows uint"],
  ['text: 5', "1:7: processors::x: 'text' expected type 'string', got unconvertible type 'int' (found 5)"],
  ['text: 5.0', "1:7: processors::x: 'text' expected type 'string', got unconvertible type 'float64' (found 5)"],
  ['text: [a]', "1:7: processors::x: 'text' expected type 'string', got unconvertible type '[]interface {}'"],
  ['flag: yes', `1:7: processors::x: 'flag' expected type 'bool', got unconvertible type 'string' (found "yes")`],
  ['flag: 1', "1:7: processors::x: 'flag' expected type 'bool', got unconvertible type 'int' (found 1)"],
  ['wait: "5"', `1:7: processors::x: 'wait' time: missing unit in duration (found "5")`],
  [
    'wait: true',
    "1:7: processors::x: 'wait' expected type 'time.Duration', got unconvertible type 'bool' (found true)",
  ],
  ['password: 5', "1:11: processors::x: 'password' expected type 'configopaque.String', got unconvertible type 'int'"],
  ['mode: fast', "1:7: processors::x: 'mode' unknown mode fast"],
  ['storage: a/', `1:10: processors::x: 'storage' in "a/" id: the part after / should not be empty`],
  ['keys: 5', "1:7: processors::x: 'keys' source data must be an array or slice, got int"],
  ['keys: {a: b}', "1:7: processors::x: 'keys' source data must be an array or slice, got map"],
  ['keys: [1]', "1:8: processors::x: 'keys[0]' expected type 'string', got unconvertible type 'int' (found 1)"],
  ['numbers: 1,2', "1:10: processors::x: 'numbers' source data must be an array or slice, got string"],
  ['limits: [a]', `1:9: processors::x: 'limits' expected a map or struct, got "slice"`],
  [
    'limits: {a: x}',
    `1:13: processors::x: 'limits[a]' expected type 'int64', got unconvertible type 'string' (found "x")`,
  ],
  [
    'headers: {a: 5}',
    "1:14: processors::x: 'headers[a]' expected type 'configopaque.String', got unconvertible type 'int'",
  ],
  ['headers: [{name: a}, {name: a}]', "1:10: processors::x: 'headers' duplicate keys in map-style list: [a]"],
  ['plain: 5', `1:8: processors::x: 'plain' expected a map or struct, got "int"`],
  ['plain: {sise: 5}', "1:9: processors::x: 'plain' has invalid keys: sise"],
  ['sise: 5', "1:1: processors::x: 'pkg.Config' has invalid keys: sise"],
  ['Small: 5', "1:1: processors::x: 'pkg.Config' has invalid keys: Small"],
  [
    'on: {enabled: x}',
    `1:15: processors::x: 'on' unexpected type string for 'enabled': got "x" value expected 'true' or 'false'`,
  ],
  ['pointer: {enabled: true}', "1:11: processors::x: 'pointer' has invalid keys: enabled"],
];

test('what does not fit is told with its place, in the words of the collector', () => {
  for (const [yaml, fault] of FAULTS) assert.deepEqual(read(yaml).faults, [`c.yaml:${fault}`], yaml);
});

test('all faults of a section are reported, not only the first', () => {
  const { faults } = read('small: x\nflag: 1\nplain:\n  size: y\n  nam: z\n');
  assert.equal(faults.length, 4);
  assert.match(faults[3] ?? '', /^c.yaml:4:9: processors::x: 'plain.size'/);
});

test('a string takes the original text of an expansion, other fields its YAML value', () => {
  assert.equal(read('text: 83', '0123').value.text, '0123');
  assert.equal(read('text: {a: 1}', '{a: 1}').value.text, '{a: 1}');
  assert.equal(read('text: ~', '').value.text, '');
  assert.equal(read('small: 83', '0123').value.small, 83);
  assert.equal(read('password: 5', '5').value.password?.reveal(), '5');
  assert.equal(read('wait: ~', '').value.wait, 0);
});

test('the value of an expansion is not echoed', () => {
  const [fault = ''] = read('small: hunter2', 'hunter2').faults;
  assert.match(fault, /found from an expansion/);
  assert.doesNotMatch(fault, /hunter2/);
});

test('two readings share no object and results are frozen', () => {
  const first = read('keys: [a]').value;
  const second = read('').value;
  assert.notEqual(read('').value.plain, second.plain);
  assert.throws(() => Object.assign(first, { text: 'y' }), TypeError);
  assert.throws(() => Object.assign(first.plain, { size: 1 }), TypeError);
});
