import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Secret } from '../../core/config/secret.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { formatTime } from './log-encoding.ts';
import { openLog } from './logs.ts';
import type { LogSettings } from './types.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-logs-'));
after(() => rmSync(directory, { recursive: true }));
process.env.TZ = 'UTC';

const RESOURCE = { 'service.name': 'weir', 'service.instance.id': 'i' };
let files = 0;
const printed: string[] = [];

function open(changes: Partial<LogSettings> = {}, clock = new FakeClock(1_700_000_000_123)) {
  const path = join(directory, `${files++}.log`);
  const settings: LogSettings = {
    level: 'info',
    encoding: 'console',
    development: false,
    disable_stacktrace: false,
    disable_zap_resource: false,
    output_paths: [path],
    error_output_paths: ['stderr'],
    initial_fields: {},
    sampling: undefined,
    ...changes,
  };
  const log = openLog(settings, {
    resource: RESOURCE,
    clock,
    userAgent: 'weir/1',
    print: (line) => printed.push(line),
  });
  return { log, logger: log.logger, clock, lines: () => readFileSync(path, 'utf8').split('\n').slice(0, -1) };
}

test('console lines are separated by tabs and have the fields in order', () => {
  const { logger, log, lines } = open({ initial_fields: { z: { c: 1 }, a: 1 } });
  const component = logger.with({ 'otelcol.component.id': 'otlp', 'otelcol.component.kind': 'receiver' });
  component.warn('Something happened', { error: new Error('no "x"'), n: 2n, absent: undefined });
  component.debug('not at this level');
  log.close();
  assert.deepEqual(lines(), [
    '2023-11-14T22:13:20.123Z\twarn\tSomething happened\t{"a": 1, "z": {"c":1}, ' +
      '"resource": {"service.instance.id": "i", "service.name": "weir"}, ' +
      '"otelcol.component.id": "otlp", "otelcol.component.kind": "receiver", "error": "no \\"x\\"", "n": "2"}',
  ]);
});

test('a console line without fields has three columns', () => {
  const { logger, lines } = open({ disable_zap_resource: true });
  logger.info('Hello');
  assert.deepEqual(lines(), ['2023-11-14T22:13:20.123Z\tinfo\tHello']);
});

test('json lines', () => {
  const { logger, lines } = open({ encoding: 'json', initial_fields: { a: 1 } });
  logger.with({ 'otelcol.signal': 'traces' }).error('bad\nday', { map: new Map([['k', 1]]), x: Infinity });
  assert.equal(
    lines()[0],
    '{"level":"error","ts":"2023-11-14T22:13:20.123Z","msg":"bad\\nday","a":1,' +
      '"resource":{"service.instance.id":"i","service.name":"weir"},' +
      '"otelcol.signal":"traces","map":{"k":1},"x":"Infinity"}',
  );
});

test('secrets are redacted wherever they stand', () => {
  const { logger, lines } = open({ encoding: 'json', initial_fields: { token: new Secret('s3cret') } });
  logger.info('x', { a: { headers: new Map([['authorization', new Secret('s3cret')]]) }, b: [new Secret('s3cret')] });
  const [line = ''] = lines();
  assert.ok(!line.includes('s3cret'));
  assert.equal(line.split('[REDACTED]').length, 4);
});

test('what cannot be printed does not throw', () => {
  const { logger, lines } = open({ encoding: 'json' });
  const circle: { self?: unknown } = {};
  circle.self = circle;
  logger.info('x', { circle, f: () => {} });
  assert.match(lines()[0] ?? '', /"circle":"\(not printable: .*"\}$/);
});

test('levels: nothing below, and only the debug level has debug enabled', () => {
  for (const [level, expected] of [
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
    ['fatal', 0],
  ] as const) {
    const { logger, lines } = open({ level });
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
    assert.equal(lines().length, expected);
    assert.equal(logger.debugEnabled, level === 'debug');
  }
});

test('sampling passes the first of a tick and then each hundredth, per level and message', () => {
  const { logger, clock, lines } = open({ sampling: { enabled: true, tick: 10_000, initial: 2, thereafter: 3 } });
  for (let i = 1; i <= 9; i++) logger.info('again', { i });
  logger.warn('again', { i: 'other level' });
  clock.advance(10_000);
  logger.info('again', { i: 'next tick' });
  const shown = lines().map((line) => /"i": ("?[\w ]+"?)/.exec(line)?.[1]);
  assert.deepEqual(shown, ['1', '2', '5', '8', '"other level"', '"next tick"']);
});

test('development adds stacks of errors', () => {
  const error = new Error('bang');
  const console_ = open({ development: true });
  console_.logger.error('x', { error });
  assert.match(console_.lines()[1] ?? '', /^Error: bang/);
  const json = open({ development: true, encoding: 'json' });
  json.logger.error('x', { error });
  assert.match(JSON.parse(json.lines()[0] ?? '').stacktrace, /^Error: bang\n/);
  const off = open({ development: true, disable_stacktrace: true });
  off.logger.error('x', { error });
  assert.equal(off.lines().length, 1);
});

test('files are appended to; one that cannot be opened is named', () => {
  const path = join(directory, 'append.log');
  for (const message of ['one', 'two']) {
    const { log, logger } = open({ output_paths: [`file://${path}`] });
    logger.info(message);
    log.close();
  }
  assert.equal(readFileSync(path, 'utf8').split('\n').length, 3);
  assert.throws(() => open({ output_paths: ['/nowhere/x.log'] }), /couldn't open sink "\/nowhere\/x.log": ENOENT/);
});

test('a full disk is told where errors go, and nothing throws', () => {
  const path = join(directory, 'errors.log');
  const { logger } = open({ output_paths: ['/dev/full'], error_output_paths: [path] });
  logger.info('lost');
  assert.match(readFileSync(path, 'utf8'), /\terror\tcannot write log\t\{"error": "ENOSPC/);
});

test('times have the zone of the process', () => {
  process.env.TZ = 'Europe/Berlin';
  assert.equal(formatTime(1_700_000_000_123), '2023-11-14T23:13:20.123+0100');
  process.env.TZ = 'America/St_Johns';
  assert.equal(formatTime(1_700_000_000_123), '2023-11-14T18:43:20.123-0330');
  process.env.TZ = 'UTC';
  assert.equal(formatTime(1_700_000_000_123), '2023-11-14T22:13:20.123Z');
});
