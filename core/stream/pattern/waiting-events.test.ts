import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyWriter } from '../../series/key-writer.ts';
import { WaitingEvents } from './waiting-events.ts';

const key = new KeyWriter(1);

function add(waiting: WaitingEvents, time: number, name: string, data: string): void {
  key.begin();
  key.text(name);
  key.finish();
  const bytes = Buffer.from(data);
  waiting.add(time, key, 5, bytes, bytes.length);
}

function takeAll(waiting: WaitingEvents, time: number): string[] {
  const taken: string[] = [];
  for (let at = waiting.earliest; at <= time && waiting.size > 0; at = waiting.earliest) {
    waiting.take();
    taken.push(`${at} ${waiting.key()} ${waiting.data()}`);
  }
  return taken;
}

test('events come by time, those of one time as they came, whenever they came', () => {
  const waiting = new WaitingEvents();
  const expected: [time: number, text: string][] = [];
  const taken: string[] = [];
  for (let i = 0; i < 10_000; i++) {
    // far apart and close together, around a mark that goes on
    const time = 1_700_000_000_000 + i + ((i * 7_919) % 97) * (i % 5 === 0 ? 100 : 1);
    const data = 'x'.repeat(i % 11);
    add(waiting, time, `ключ-${i}`, data);
    expected.push([time, `${time} ключ-${i} ${data}`]);
    if (i % 10 === 0) taken.push(...takeAll(waiting, 1_700_000_000_000 + i - 1));
  }
  taken.push(...takeAll(waiting, Number.POSITIVE_INFINITY));
  assert.deepEqual(
    taken,
    expected.sort(([a], [b]) => a - b).map(([, text]) => text),
  );
  assert.deepEqual([waiting.size, waiting.earliest], [0, Number.POSITIVE_INFINITY]);
});

test('all events can be looked at, and stay', () => {
  const waiting = new WaitingEvents();
  for (const [time, name] of [
    [90, 'b'],
    [10, 'a'],
    [90, 'c'],
  ] as const)
    add(waiting, time, name, '');
  const seen: string[] = [];
  waiting.each((time) => seen.push(`${time} ${waiting.key()} ${waiting.mask}`));
  assert.deepEqual(seen.sort(), ['10 a 5', '90 b 5', '90 c 5']);
  assert.equal(waiting.size, 3);
});
