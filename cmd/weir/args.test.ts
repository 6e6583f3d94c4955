import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Arguments, parseArguments } from './args.ts';

function parse(...argv: string[]): Arguments {
  const args = parseArguments(argv, {});
  assert.ok(!('error' in args), 'error' in args ? args.error : '');
  return args;
}

test('flags take their value from behind = or from the next word, and repeat', () => {
  const args = parse('--config=a.yaml', '--config', 'b.yaml', '--set', 'x=1', '--feature-gates=-a,b', '--plugin', 'p');
  assert.equal(args.command, 'run');
  assert.deepEqual(args.config, ['a.yaml', 'b.yaml']);
  assert.deepEqual(args.set, ['x=1']);
  assert.deepEqual(args.featureGates, ['-a,b']);
  assert.deepEqual(args.plugin, ['p']);
});

test('a duration is in milliseconds', () => {
  assert.deepEqual([parse().drainTimeoutMs, parse('--drain-timeout', '1m30s').drainTimeoutMs], [10_000, 90_000]);
});

test('a value may begin with a dash', () => {
  assert.deepEqual(parse('--feature-gates', '-a').featureGates, ['-a']);
});

test('commands, operands and aliases', () => {
  assert.deepEqual([parse('validate').command, parse('print-initial-config').command], ['validate', 'print-config']);
  const args = parse('explain', 'batch', '--strict');
  assert.deepEqual([args.command, args.operands, args.strict], ['explain', ['batch'], true]);
  assert.deepEqual(
    [parse('-h').help, parse('-v').version, parse('print-config', '--validate=false').validate],
    [true, true, false],
  );
});

test('behind -- there are no flags', () => {
  const args = parse('explain', '--strict', '--', '--batch');
  assert.deepEqual([args.strict, args.operands], [true, ['--batch']]);
  assert.equal(parse('validate', '--').command, 'validate');
});

test('WEIR_STRICT=1 is --strict', () => {
  const args = parseArguments([], { WEIR_STRICT: '1' });
  assert.ok('strict' in args && args.strict);
  const off = parseArguments(['--strict=false'], { WEIR_STRICT: '1' });
  assert.ok('strict' in off && !off.strict);
});

const BAD: readonly (readonly [argv: readonly string[], error: string])[] = [
  [['--foo'], 'unknown flag: --foo'],
  [['-x'], "unknown shorthand flag: 'x' in -x"],
  [['--config'], 'flag needs an argument: --config'],
  [['--strict=maybe'], 'invalid argument "maybe" for "--strict" flag: must be true or false'],
  [['--drain-timeout', '5'], 'invalid argument "5" for "--drain-timeout" flag: time: missing unit in duration'],
  [['--drain-timeout=-1s'], 'invalid argument "-1s" for "--drain-timeout" flag: must not be negative'],
  [['foo'], 'unknown command "foo" for "weir"'],
  [['constructor'], 'unknown command "constructor" for "weir"'],
  [['--constructor=1'], 'unknown flag: --constructor'],
];

test('what is no argument is refused in the words of the collector', () => {
  for (const [argv, error] of BAD) assert.deepEqual(parseArguments(argv, {}), { error });
});
