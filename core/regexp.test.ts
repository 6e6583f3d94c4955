import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import { compileRegexp, RegexpError } from './regexp.ts';
import { nativeSource } from './regexp-native.ts';

test('a pattern that does not compile has the message of Go', () => {
  const faults: Readonly<Record<string, string>> = {
    '(': 'missing closing ): `(`',
    'a**': 'invalid nested repetition operator: `**`',
    '[z-a]': 'invalid character class range: `z-a`',
    '(?=a)': 'invalid or unsupported Perl syntax: `(?=`',
    'a)': 'unexpected ): `a)`',
    '\\': 'trailing backslash at end of expression: ``',
    'a{1001}': 'invalid repeat count: `{1001}`',
  };
  for (const [pattern, message] of Object.entries(faults)) {
    assert.throws(() => compileRegexp(pattern), new RegexpError(`error parsing regexp: ${message}`), pattern);
  }
});

test('groups are known by index and name; one that took no part is empty', () => {
  const regexp = compileRegexp('(?P<user>[a-z]+)(@)(?P<host>[^:]+)(?::(?P<port>\\d+))?');
  assert.deepEqual(regexp.groupNames, ['', 'user', '', 'host', 'port']);
  const match = regexp.exec('to bob@example.org');
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((group) => match?.group(group)),
    ['bob@example.org', 'bob', '@', 'example.org', ''],
  );
  assert.deepEqual([match?.starts[1], match?.ends[1], match?.starts[4]], [3, 6, -1]);
  assert.equal(regexp.exec('nobody'), undefined);
});

test('matches of nothing are replaced as in Go: never right behind another match', () => {
  const cases = [
    ['.*', 'abc', '<abc>'],
    ['.*', '', '<>'],
    ['.*', 'a\nb', '<a>\n<b>'],
    ['x*', 'abxc', '<>a<>b<x>c<>'],
    ['[0-9]{3}-[0-9]{2}', 'a 123-45 b 678-90', 'a <123-45> b <678-90>'],
    ['^a|b$', 'aab', '<a>a<b>'],
    ['', 'é😀', '<>é<>😀<>'],
  ] as const;
  for (const [pattern, text, expected] of cases) {
    const replaced = compileRegexp(pattern).replaceAll(text, (match) => `<${match}>`);
    assert.equal(replaced, expected, `${pattern} in ${text}`);
  }
});

test('what JavaScript and Go mean differently has the meaning of Go', () => {
  const long = 'x'.repeat(300);
  for (const filler of ['', long]) {
    assert.equal(compileRegexp('^a.b').test(`a\rb${filler}`), true, '. is all but a line feed');
    assert.equal(compileRegexp('a\\sb').test(`${filler}a\u00a0b`), false, '\\s is ASCII');
    assert.equal(compileRegexp('a$').test(`${filler}a\n`), false, '$ is the end of the text');
    assert.equal(compileRegexp('(?i)straße').test(`${filler}STRAẞE`), true, 'folding is that of Unicode');
    assert.equal(compileRegexp('^.$').test('😀'), true, 'characters, not units');
    assert.equal(compileRegexp('\\pL+').test(`${filler}ä`), true);
  }
});

test('a pattern that backtracks badly is linear', () => {
  for (const pattern of ['(a+)+$', '(a|a)*$', 'a*a*a*a*$', '(?:a?){20}a{20}$', '.*.*.*=.*;']) {
    assert.equal(nativeSource(pattern), undefined, pattern);
    const started = performance.now();
    compileRegexp(pattern).test(`${'a'.repeat(50_000)}!`);
    assert.ok(performance.now() - started < 5_000, pattern);
  }
});

test('both engines find the same', () => {
  const atoms = [
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '\\d',
    '\\w',
    '\\s',
    '\\.',
    '-',
    'é',
    '[a-c\\d]',
    '(a)',
    '(?:b)',
    '(a|b)',
  ];
  atoms.push('(ab?)', '(?P<n>b+)', '^', '$', '\\b', '(?:a-)', '()', '[\\W]', '\\D', '|');
  const suffixes = ['', '', '', '*', '+', '?', '*?', '{2}', '{1,3}', '??'];
  const texts = [
    '',
    'a',
    'ab',
    'aab',
    'ba1',
    'a-b',
    'é a',
    'a.b\n',
    'abab',
    '\u017f1',
    'A-B',
    'a\u2028b',
    'bbb-aaa 12',
  ];
  let seed = 7;
  const pick = <T>(from: readonly T[]): T => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return from[(seed >>> 8) % from.length] as T;
  };
  let native = 0;
  for (let i = 0; i < 4_000; i++) {
    let pattern = pick(['', '', '^', '(?i)']);
    for (let length = pick([1, 2, 3, 4]); length > 0; length--) pattern += pick(atoms) + pick(suffixes);
    let reference: RE2JS;
    try {
      reference = RE2JS.compile(pattern);
    } catch {
      continue;
    }
    if (nativeSource(pattern) === undefined) continue;
    native++;
    const regexp = compileRegexp(pattern);
    for (const text of texts) {
      const matcher = reference.matcher(text);
      const expected = matcher.find() ? regexp.groupNames.map((_, group) => matcher.group(group) ?? '') : undefined;
      const match = regexp.exec(text);
      const found = match && regexp.groupNames.map((_, group) => match.group(group));
      assert.deepEqual(found, expected, `${pattern} in ${JSON.stringify(text)}`);
      assert.equal(regexp.test(text), expected !== undefined, pattern);
    }
  }
  assert.ok(native > 500, `${native} patterns were compared`);
});
