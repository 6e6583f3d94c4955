import assert from 'node:assert/strict';
import { test } from 'node:test';
import { automatonOf } from './automaton.ts';
import type { Skip, Step } from './definition.ts';
import { Matcher } from './matcher.ts';
import { packMatching, unpackMatching } from './packing.ts';

const steps: readonly Step[] = [
  { name: 'a', contiguity: 'begin', where: 0, quantifier: { oneOrMore: true } },
  { name: 'b', contiguity: 'followedByAny', where: 1, within: 1000 },
];
const skip: Skip = { to: 'noSkip' };
const sink = { match: () => {}, timeout: () => {}, cut: () => assert.fail('nothing is cut') };

function filled() {
  const automaton = automatonOf({ steps, skip });
  const matcher = new Matcher(automaton, skip, { partialMatches: 100, links: 100 });
  const matching = matcher.begin();
  for (let time = 0; time < 5; time++) matcher.process(matching, 1, { time, order: time, data: `é${time}` }, sink);
  return { automaton, matcher, matching };
}

test('what is unpacked is what was packed, and every link in it is given up in the end', () => {
  const { automaton, matcher, matching } = filled();
  const packed = packMatching(matching);
  const again = unpackMatching(packed, automaton, matcher.start);
  assert.deepEqual(again, matching);
  assert.equal(packMatching(again), packed);
  matcher.advance(again, 2000, sink);
  assert.equal(again.links, 0);
  assert.equal(matcher.isIdle(again), true);
});

test('bytes of another pattern are refused', () => {
  const { automaton, matcher, matching } = filled();
  const packed = packMatching(matching);
  const small = automatonOf({ steps: [{ name: 'a', contiguity: 'begin', where: 0 }], skip });
  assert.throws(() => unpackMatching(packed, small, matcher.start), /damaged/);
  assert.throws(() => unpackMatching(`${packed}x`, automaton, matcher.start), /damaged/);
});
