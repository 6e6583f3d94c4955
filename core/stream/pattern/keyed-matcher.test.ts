import assert from 'node:assert/strict';
import { test } from 'node:test';
import { automatonOf } from './automaton.ts';
import { faultOf } from './check.ts';
import type { Contiguity, PatternDefinition, Skip, Step } from './definition.ts';
import { type Cut, type KeyedLimits, KeyedMatcher, type KeyedSink } from './keyed-matcher.ts';
import type { Link } from './runs.ts';

const LETTERS = 'abcx';
const NO_SKIP: Skip = { to: 'noSkip' };
const LIMITS: KeyedLimits = { keys: 100, partialMatches: 1000, events: 1000, waiting: 1000 };

/** A step that takes a letter and is named like it. */
function step(contiguity: Contiguity, letter: string, options: Omit<Partial<Step>, 'where'> = {}): Step {
  return { name: letter, contiguity, where: LETTERS.indexOf(letter[0] as string), ...options };
}

const begin = step('begin', 'a');
const maskOf = (letter: string) => 1 << LETTERS.indexOf(letter);

/** Events such as `a1`: a letter and a number that tells them apart, a second from one to the next. */
class Run {
  readonly lines: string[] = [];
  readonly cuts: Cut[] = [];
  matcher: KeyedMatcher;
  readonly #definition: PatternDefinition;
  readonly #limits: KeyedLimits;
  #time = 0;

  constructor(steps: readonly Step[], skip: Skip = NO_SKIP, limits: Partial<KeyedLimits> = {}) {
    this.#definition = { steps, skip };
    this.#limits = { ...LIMITS, ...limits };
    assert.equal(faultOf(this.#definition), undefined);
    this.matcher = this.open();
  }

  open(): KeyedMatcher {
    const sink: KeyedSink = {
      match: (_key, tail, time) => this.lines.push(`${textOf(tail)} @${time / 1000}`),
      timeout: (_key, tail, time) => this.lines.push(`timeout ${textOf(tail)} @${time / 1000}`),
      cut: (what) => this.cuts.push(what),
    };
    return new KeyedMatcher(automatonOf(this.#definition), this.#definition.skip, this.#limits, sink, 7);
  }

  add(event: string, time: number, key = ''): void {
    this.matcher.key.begin();
    this.matcher.key.text(key);
    this.matcher.key.finish();
    const data = Buffer.from(event);
    this.matcher.add(time, maskOf(event[0] as string), data, data.length);
  }

  /** The lines since the last call. */
  feed(events: string, key = ''): string[] {
    for (const event of events.split(' ')) {
      this.#time += 1000;
      this.add(event, this.#time, key);
      this.matcher.advance(this.#time);
    }
    return this.lines.splice(0);
  }

  end(): string[] {
    this.matcher.advance(Number.POSITIVE_INFINITY);
    return this.lines.splice(0);
  }
}

function textOf(tail: Link): string {
  const events: string[] = [];
  for (let link: Link | undefined = tail; link !== undefined; link = link.previous) events.unshift(link.event.data);
  return events.join(' ');
}

const matches = (steps: readonly Step[], events: string, skip: Skip = NO_SKIP) =>
  new Run(steps, skip).feed(events).map((line) => line.replace(/ @.*/, ''));

test('contiguity: next, followedBy, followedByAny', () => {
  assert.deepEqual(matches([begin, step('next', 'b')], 'a1 x1 b1 a2 b2'), ['a2 b2']);
  assert.deepEqual(matches([begin, step('followedBy', 'b')], 'a1 x1 b1 b2'), ['a1 b1']);
  assert.deepEqual(matches([begin, step('followedByAny', 'b')], 'a1 x1 b1 b2'), ['a1 b1', 'a1 b2']);
});

test('next binds the first event of a loop, in which others may come in between unless it is consecutive', () => {
  const loop = (consecutive: boolean) => step('next', 'b', { quantifier: { timesOrMore: 2, consecutive } });
  assert.deepEqual(matches([begin, loop(false)], 'a1 b1 x1 b2 b3'), ['a1 b1 b2', 'a1 b1 b2 b3']);
  assert.deepEqual(matches([begin, loop(true)], 'a1 b1 x1 b2 b3'), []);
  assert.deepEqual(matches([begin, loop(false)], 'a1 x1 b1 b2'), []);
});

test('quantifiers: times, ranges, optional, greedy, combinations', () => {
  const b = (quantifier: Step['quantifier']) => step('followedBy', 'b', { quantifier });
  const c = step('followedBy', 'c');
  assert.deepEqual(matches([begin, b({ times: 2 })], 'a1 b1 x1 b2 b3'), ['a1 b1 b2']);
  assert.deepEqual(matches([begin, b({ times: [1, 2] }), c], 'a1 b1 b2 c1'), ['a1 b1 b2 c1', 'a1 b1 c1']);
  assert.deepEqual(matches([begin, b({ optional: true }), c], 'a1 c1'), ['a1 c1']);
  assert.deepEqual(matches([begin, b({ oneOrMore: true, greedy: true }), c], 'a1 b1 b2 c1'), ['a1 b1 b2 c1']);
  const combined = matches([begin, b({ times: 2, allowCombinations: true })], 'a1 b1 b2 b3');
  assert.deepEqual(combined, ['a1 b1 b2', 'a1 b1 b3']);
});

test('until ends a loop before the event', () => {
  const loop = step('followedBy', 'b', { quantifier: { oneOrMore: true }, until: LETTERS.indexOf('x') });
  assert.deepEqual(matches([begin, loop], 'a1 b1 b2 x1 b3'), ['a1 b1', 'a1 b1 b2']);
});

test('a step that must not come, in between and at the end', () => {
  const forbidden = step('notFollowedBy', 'x');
  assert.deepEqual(matches([begin, forbidden, step('followedBy', 'b')], 'a1 c1 b1 a2 x1 b2'), ['a1 b1']);
  assert.deepEqual(matches([begin, step('notNext', 'x'), step('followedBy', 'b')], 'a1 x1 b1 a2 c1 b2'), ['a2 b2']);
  const last = new Run([begin, step('notFollowedBy', 'x', { within: 3000 })]);
  assert.deepEqual(last.feed('a1 x1 a2 b1 b2 b3'), ['a2 @6']);
});

test('skip strategies', () => {
  const loop = step('begin', 'a', { quantifier: { timesOrMore: 2 } });
  const expected: [Skip, string[]][] = [
    [NO_SKIP, ['a1 a2', 'a1 a2 a3', 'a2 a3']],
    [{ to: 'skipPastLastEvent' }, ['a1 a2']],
    [{ to: 'skipToNext' }, ['a1 a2', 'a2 a3']],
  ];
  for (const [skip, lines] of expected) assert.deepEqual(matches([loop], 'a1 a2 a3', skip), lines, skip.to);
});

test('a match waits under a skip strategy until what began before it is decided', () => {
  const loop = step('begin', 'a', { quantifier: { oneOrMore: true } });
  const run = new Run([loop, step('followedBy', 'b', { within: 5000 })], { to: 'skipToFirst', step: 'a' });
  assert.deepEqual(run.feed('a1 a2 b1 x1 x2'), ['a1 a2 b1 @3', 'a1 b1 @3']);
  assert.deepEqual(run.feed('x3 x4'), ['timeout a1 a2 @6', 'a2 b1 @6', 'timeout a2 @7']);
});

test('within is exclusive, and a time-out comes when the time is over', () => {
  const run = new Run([begin, step('followedBy', 'b', { within: 2000 })]);
  assert.deepEqual(run.feed('a1 b1 a2 x1 b2'), ['a1 b1 @2', 'timeout a2 @5']);
  const previous = new Run([begin, step('followedBy', 'b', { withinPrevious: 2000 })]);
  assert.deepEqual(previous.feed('a1 x1 x2'), ['timeout a1 @3']);
});

test('events are put in order of their time, those of one time as they came; what is too late is told', () => {
  const run = new Run([begin, step('next', 'b')]);
  run.add('b1', 200);
  run.add('a1', 100);
  run.add('a2', 300);
  run.add('b2', 300);
  run.matcher.advance(300);
  assert.deepEqual(run.lines, ['a1 b1 @0.2', 'a2 b2 @0.3']);
  assert.equal(run.matcher.isLate(300), true);
  assert.equal(run.matcher.isLate(301), false);
});

test('keys are apart, and one without an open match is forgotten', () => {
  const run = new Run([begin, step('next', 'b')]);
  run.feed('a1', 'u');
  assert.deepEqual(run.feed('b1', 'v'), []);
  assert.equal(run.matcher.keys, 1);
  assert.deepEqual(run.feed('b2', 'u'), ['a1 b2 @3']);
  assert.equal(run.matcher.keys, 0);
});

test('what no step knows need not be added, unless contiguity is strict or it would show the time', () => {
  const interest = (steps: Step[], skip: Skip = NO_SKIP) => {
    const { matcher } = new Run(steps, skip);
    return ['a', 'x'].map((letter) => matcher.interestIn(maskOf(letter)));
  };
  assert.deepEqual(interest([begin, step('followedBy', 'b')]), ['taken', 'none']);
  assert.deepEqual(interest([begin, step('next', 'b')]), ['taken', 'noticed']);
  assert.deepEqual(interest([begin, step('notFollowedBy', 'b', { within: 1000 })]), ['taken', 'noticed']);
  assert.deepEqual(interest([begin, step('followedBy', 'b', { within: 9 })], { to: 'skipToNext' })[1], 'noticed');
});

test('a pattern that matches in exponentially many ways is bounded and goes on', () => {
  const quantifier = { oneOrMore: true, allowCombinations: true };
  const run = new Run([begin, step('followedByAny', 'b', { quantifier }), step('followedByAny', 'c')], NO_SKIP, {
    partialMatches: 50,
  });
  const events = Array.from({ length: 200 }, (_, i) => `b${i}`).join(' ');
  assert.deepEqual(run.feed(`a1 ${events}`), []);
  assert.ok(run.cuts.length > 0);
  assert.ok(run.feed('c1').length <= 50);
  run.feed(events);
  // the start state is never given up
  assert.ok(run.feed('a9 b9 c9').includes('a9 b9 c9 @405'));
});

test('a loop without a limit of time keeps a bounded number of events', () => {
  const run = new Run([step('begin', 'a', { quantifier: { oneOrMore: true } }), step('followedBy', 'b')], NO_SKIP, {
    events: 100,
  });
  run.feed(Array.from({ length: 300 }, (_, i) => `a${i}`).join(' '));
  assert.ok(run.cuts.every((what) => what === 'partial matches') && run.cuts.length > 0);
  const [snapshot] = [...run.matcher.snapshot('all').values()];
  assert.ok((snapshot?.length ?? 0) < 100 * 40);
});

test('too many keys, and too many events that wait', () => {
  const keys = new Run([begin, step('next', 'b')], NO_SKIP, { keys: 2 });
  for (const key of ['u', 'v', 'w']) keys.feed('a1', key);
  assert.deepEqual([keys.matcher.keys, keys.cuts], [2, ['keys']]);
  const waiting = new Run([begin, step('next', 'b')], NO_SKIP, { waiting: 2 });
  for (const [event, time] of [
    ['a1', 1],
    ['b1', 2],
    ['x1', 3],
  ] as const)
    waiting.add(event, time);
  assert.deepEqual(waiting.cuts, ['order']);
  assert.equal(waiting.matcher.isLate(1), true);
  assert.deepEqual(waiting.end(), ['a1 b1 @0.002']);
});

test('a snapshot at any point, of all or of what changed, gives the same results as no interruption', () => {
  const steps = [
    step('begin', 'a', { quantifier: { oneOrMore: true } }),
    step('followedByAny', 'b', { quantifier: { times: [1, 2] } }),
    step('next', 'c', { within: 9000 }),
  ];
  for (const skip of [NO_SKIP, { to: 'skipToNext' }] as const) {
    const events = Array.from({ length: 60 }, (_, i) => `${LETTERS[((i * i + 3 * i) % 7) % 4]}${i}`);
    const whole = new Run(steps, skip);
    const interrupted = new Run(steps, skip);
    const kept = new Map<string, Buffer>();
    for (const [i, event] of events.entries()) {
      const expected = whole.feed(event, `u${i % 2}`);
      assert.deepEqual(interrupted.feed(event, `u${i % 2}`), expected);
      for (const [name, bytes] of interrupted.matcher.snapshot(i % 3 === 0 ? 'all' : 'changed')) {
        if (bytes === undefined) kept.delete(name);
        else kept.set(name, bytes);
      }
      if (i % 4 !== 0) continue;
      interrupted.matcher = interrupted.open();
      interrupted.matcher.restore(kept);
    }
    assert.deepEqual(interrupted.end(), whole.end());
  }
});

test('many keys: those that were not used for long are kept as bytes and go on where they were', () => {
  const run = new Run([begin, step('next', 'b')], NO_SKIP, { keys: 100_000 });
  const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
  for (const key of keys) run.feed('a1', key);
  const found = keys.flatMap((key) => run.feed('b1', key));
  assert.equal(found.length, keys.length);
});
