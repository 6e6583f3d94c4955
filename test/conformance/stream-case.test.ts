/** Cases of stream processing, made at random, against what a naive model of the same semantics says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Windowing } from '../../core/stream/window/windowing.ts';
import { type NaiveFiring, NaiveWindows } from '../../core/testing/naive-windows.ts';
import { seededRandom } from '../../core/testing/random-telemetry.ts';
import { run as runDedup } from './stream/dedup.ts';
import { run as runEwma } from './stream/ewma.ts';
import type { Event, StreamCase, WindowOfCase } from './stream/harness.ts';
import { run as runWindow } from './stream/window.ts';

type Step = Event | { readonly watermark: number };
type Row = Readonly<Record<string, unknown>>;

const CASES = 60;

function caseOf(kind: string, seed: number, window?: WindowOfCase): StreamCase {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const explicit = seed % 3 === 0;
  const disorder = below(40_000);
  const events: Step[] = [];
  let now = 100_000;
  let mark = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 50; i++) {
    now += below(6_000);
    const ts = now - below(disorder + 1);
    events.push({ id: `e${i}`, ts, type: `t${below(2)}`, user: `u${below(2)}`, value: below(1_000) / 8 });
    if (explicit && random() < 0.3) {
      mark = Math.max(mark, now - below(30_000));
      events.push({ watermark: mark });
    }
  }
  const config = {
    key: seed % 2 === 0 ? ['type', 'user'] : ['type'],
    out_of_orderness_ms: below(10_000),
    ...(explicit ? { watermarks: 'explicit' as const } : {}),
    ...(window === undefined ? {} : { window }),
  };
  return { kind, config, events };
}

function windowOf(seed: number): WindowOfCase {
  const random = seededRandom(seed + 5_000);
  const below = (limit: number) => 1 + Math.floor(random() * limit);
  const lateness = seed % 2 === 0 ? {} : { allowed_lateness_ms: below(20_000) };
  if (seed % 4 === 0) return { type: 'session', gap_ms: below(8_000), ...lateness };
  if (seed % 4 === 1)
    return { type: 'tumbling', size_ms: below(30_000) + 100, offset_ms: below(100) - 50, ...lateness };
  return {
    type: 'sliding',
    size_ms: below(40_000),
    slide_ms: below(20_000) + 1_000,
    offset_ms: -below(900),
    ...lateness,
  };
}

function windowingOf({
  type,
  size_ms = 1,
  slide_ms = 1,
  gap_ms = 1,
  offset_ms = 0,
  allowed_lateness_ms = 0,
}: WindowOfCase) {
  const common = { size: size_ms, offset: offset_ms, lateness: allowed_lateness_ms };
  if (type === 'session') return { type, gap: gap_ms, lateness: allowed_lateness_ms } satisfies Windowing;
  return type === 'sliding'
    ? ({ type, slide: slide_ms, ...common } satisfies Windowing)
    : ({ type, ...common } as const);
}

interface Fired extends NaiveFiring {
  readonly at: number;
}

/** What windows over the events of a case fire, as numbers of events, and which events are late. */
function reference({ config, events }: StreamCase): { readonly fired: Fired[]; readonly late: string[] } {
  const { key = [], out_of_orderness_ms: bound = 0, window = { type: 'tumbling' } } = config;
  const windows = new NaiveWindows(windowingOf(window));
  const fired: Fired[] = [];
  const late: string[] = [];
  let newest = Number.NEGATIVE_INFINITY;
  for (const [i, event] of [...events, { watermark: Number.POSITIVE_INFINITY }].entries()) {
    if ('watermark' in event) windows.advance(event.watermark as number);
    else {
      const name = key.map((field) => String(event[field])).join(':');
      if (!windows.add(name, event.ts, i)) late.push(event.id);
      newest = Math.max(newest, event.ts);
      if (config.watermarks !== 'explicit') windows.advance(newest - bound - 1);
    }
    fired.push(...windows.firings.splice(0).map((one) => ({ ...one, at: windows.watermark })));
  }
  return { fired, late };
}

const endOr = (time: number) => (time === Number.POSITIVE_INFINITY ? 'end' : time);

function head({ key, start, end, values, late, at }: Fired): Row {
  return {
    key,
    window_start: start,
    window_end: end,
    count: values.length,
    fired_at_watermark: endOr(at),
    is_late_firing: late,
  };
}

/** Only the columns of `expected`; numbers that were added in another order are the same within 1e-9. */
function compare(found: readonly Row[], expected: readonly Row[], where: string): void {
  assert.equal(found.length, expected.length, where);
  for (const [i, row] of expected.entries()) {
    for (const [column, value] of Object.entries(row)) {
      const other = found[i]?.[column];
      const isNear =
        typeof value === 'number' && Math.abs((other as number) - value) <= 1e-9 * Math.max(1, Math.abs(value));
      assert.ok(isNear || other === value, `${where}, row ${i}, ${column}: ${other} instead of ${value}`);
    }
  }
}

test('windows', async () => {
  for (let seed = 1; seed <= CASES; seed++) {
    const testCase = caseOf('window', seed, windowOf(seed));
    const { firings, late } = (await runWindow(testCase)) as { firings: Row[]; late: string[] };
    const { fired, late: expectedLate } = reference(testCase);
    const expected = fired.map((one) => {
      const values = one.values.map((i) => (testCase.events[i] as Event).value as number).toSorted((a, b) => a - b);
      const sum = values.reduce((a, b) => a + b, 0);
      const at = (percent: number) => values[Math.ceil((percent * values.length) / 100) - 1];
      const extremes = { min: values[0], max: values.at(-1), p95_nearest: at(95), p99_nearest: at(99) };
      return { ...head(one), sum, avg: sum / values.length, ...extremes };
    });
    compare(firings, expected, `seed ${seed}`);
    assert.deepEqual(late, expectedLate, `seed ${seed}`);
  }
});

test('dedup', async () => {
  for (let seed = 1; seed <= CASES; seed++) {
    const window: WindowOfCase = {
      type: 'tumbling',
      size_ms: 1_000 + seed * 300,
      allowed_lateness_ms: (seed % 2) * 9_000,
    };
    const testCase = caseOf('dedup', seed, window);
    const { firings, late } = (await runDedup(testCase)) as { firings: Row[]; late: string[] };
    const { fired, late: expectedLate } = reference(testCase);
    const expected = fired.map((one) => {
      const arrivals = one.values.map((i) => testCase.events[i] as Event);
      const byTime = arrivals.toSorted((a, b) => a.ts - b.ts);
      const newest = byTime.at(-1)?.ts;
      const kept = { first: arrivals[0]?.id, last: arrivals.at(-1)?.id, earliest: byTime[0]?.id };
      return { ...head(one), ...kept, latest: byTime.findLast(({ ts }) => ts === newest)?.id };
    });
    compare(firings, expected, `seed ${seed}`);
    assert.deepEqual(late, expectedLate, `seed ${seed}`);
  }
});

test('ewma', async () => {
  for (let seed = 1; seed <= CASES; seed++) {
    const { config, events } = caseOf('ewma', seed);
    const testCase = {
      kind: 'ewma',
      config: { ...config, alpha: 0.1 + (seed % 5) / 10, threshold: 1 + (seed % 4) / 2 },
      events,
    };
    const { alpha, threshold } = testCase.config;
    const known = new Map<string, { n: number; mean: number; variance: number }>();
    const expected: Row[] = [];
    for (const event of events) {
      if ('watermark' in event) continue;
      const { id } = event as Event;
      const value = event.value as number;
      const key = (config.key ?? []).map((field) => String((event as Event)[field])).join(':');
      const before = known.get(key);
      if (before === undefined) known.set(key, { n: 1, mean: value, variance: 0 });
      else {
        const { n, mean, variance } = before;
        if (Math.abs(value - mean) > threshold * Math.sqrt(variance))
          expected.push({ key, id, value, baseline: mean, variance });
        const next = alpha * (value - mean) ** 2 + (1 - alpha) * variance;
        known.set(key, { n: n + 1, mean: alpha * value + (1 - alpha) * mean, variance: next });
      }
    }
    const { alerts, final } = (await runEwma(testCase)) as { alerts: Row[]; final: Row[] };
    compare(alerts, expected, `seed ${seed}`);
    const last = [...known].map(([key, { n, mean, variance }]) => ({ key, values: n, baseline: mean, variance }));
    compare(final, last, `seed ${seed}, final`);
  }
});

test('a program runs a case of any kind from a file; a configuration that is refused is an error', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-stream-case-'));
  const runFile = (testCase: StreamCase): Record<string, unknown[]> => {
    const file = join(folder, 'case.json');
    writeFileSync(file, JSON.stringify(testCase));
    const program = fileURLToPath(new URL('./stream-case.ts', import.meta.url));
    return JSON.parse(execFileSync(process.execPath, [program, file], { encoding: 'utf8' }));
  };
  const events = [
    { id: 'a', ts: 1_000, type: 'start', user: 'u', value: 1 },
    { id: 'b', ts: 2_000, type: 'error', user: 'u', value: 2 },
  ];
  const key = ['user'];
  const window: WindowOfCase = { type: 'tumbling', size_ms: 60_000 };
  const step = (name: string, contiguity: string, value: string) => ({
    name,
    contiguity,
    where: { field: 'type', op: '==', value },
  });
  const pattern = [step('start', 'begin', 'start'), step('error', 'next', 'error')];
  assert.equal(runFile({ kind: 'window', config: { key, window }, events }).firings?.length, 1);
  assert.equal(runFile({ kind: 'dedup', config: { key, window }, events }).firings?.length, 1);
  assert.equal(runFile({ kind: 'ewma', config: { key, alpha: 0.1, threshold: 3 }, events }).alerts?.length, 1);
  assert.equal(runFile({ kind: 'pattern', config: { key, pattern }, events }).matches?.length, 1);
  const patterns = [{ alert_type: 'T', key, pattern, within_ms: 60_000 }];
  assert.equal(runFile({ kind: 'alert_job', config: { patterns, window }, events }).firings?.length, 1);
  const refused = runFile({ kind: 'window', config: { key, window: { type: 'sliding', size_ms: 5 } }, events });
  assert.match(String(refused.error), /slide/);
});
