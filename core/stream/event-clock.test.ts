import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../testing/fake-clock.ts';
import { EventClock } from './event-clock.ts';

function clocks(outOfOrderness: number, idleTimeout = 0) {
  const clock = new FakeClock();
  return { clock, events: new EventClock({ outOfOrderness, idleTimeout, clock }) };
}

test('event time is the newest event less what may be out of order, less one, and never goes back', () => {
  const { events } = clocks(10);
  assert.equal(events.watermark, Number.NEGATIVE_INFINITY);
  assert.equal(events.observe('a', 100), true);
  assert.equal(events.watermark, 89);
  assert.equal(events.observe('a', 95), false);
  assert.equal(events.observe('a', 100), false);
  assert.equal(events.watermark, 89);
  assert.equal(events.observe('a', 101), true);
  assert.equal(events.watermark, 90);
});

test('of several sources the one furthest behind counts', () => {
  const { events } = clocks(0);
  events.observe('a', 100);
  assert.equal(events.observe('b', 50), false, 'a source that joins does not take event time back');
  assert.equal(events.watermark, 99);
  events.observe('a', 300);
  assert.equal(events.watermark, 99);
  assert.equal(events.observe('b', 200), true);
  assert.equal(events.watermark, 199);
  assert.deepEqual(
    [...events.entries()],
    [
      ['a', 299],
      ['b', 199],
    ],
  );
});

test('marks of a source count as they are, the end of the input too', () => {
  const { events } = clocks(10);
  events.advance('a', 100);
  assert.equal(events.watermark, 100);
  assert.equal(events.advance('a', 90), false);
  events.advance('a', Number.POSITIVE_INFINITY);
  assert.equal(events.watermark, Number.POSITIVE_INFINITY);
  assert.equal(events.observe('a', 500), false);
});

test('without an idle timeout silence changes nothing', () => {
  const { clock, events } = clocks(0);
  events.observe('a', 100);
  clock.advance(1e9);
  assert.equal(events.tick(), false);
  assert.equal(events.watermark, 99);
});

test('after the idle timeout event time goes on at the speed of the clock', () => {
  const { clock, events } = clocks(0, 1_000);
  assert.equal(events.tick(), false);
  events.observe('a', 100);
  clock.advance(1_000);
  assert.equal(events.tick(), false);
  clock.advance(250);
  assert.equal(events.tick(), true);
  assert.equal(events.watermark, 349);
  clock.advance(250);
  events.tick();
  assert.equal(events.watermark, 599);
  events.observe('a', 700);
  assert.equal(events.watermark, 699);
  clock.advance(900);
  assert.equal(events.tick(), false, 'an event begins the timeout anew');
});

test('an idle source does not hold back the others', () => {
  const { clock, events } = clocks(0, 1_000);
  events.observe('a', 100_000);
  events.observe('b', 50_000);
  clock.advance(600);
  events.observe('a', 100_500);
  clock.advance(600);
  assert.equal(events.tick(), true);
  assert.equal(events.watermark, 100_499, 'b is idle, a is not');
  events.observe('b', 60_000);
  events.observe('a', 200_000);
  assert.equal(events.watermark, 100_499, 'b holds it back again');
});

test('sources that have ended do not move when they are idle', () => {
  const { clock, events } = clocks(0, 1_000);
  events.advance('a', Number.POSITIVE_INFINITY);
  clock.advance(5_000);
  assert.equal(events.tick(), false);
  assert.equal(events.watermark, Number.POSITIVE_INFINITY);
});
