/** Windows and pattern matching give what Apache Flink gives on the same events; what they cost beside it is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flink, type Outcome, ours } from './flink.ts';
import { pattern, windows } from './flink-works.ts';

const results = ({ events, results, counted }: Outcome) => ({ events, results, counted });
const perEvent = ({ events, cpuSeconds }: Outcome): string => `${((cpuSeconds / events) * 1e6).toFixed(2)} us`;

for (const work of [windows(), pattern()]) {
  test(`${work.name} as Flink`, async (t) => {
    const [we, they] = [await ours(work), flink(work)];
    const ratio = (we.cpuSeconds / they.cpuSeconds).toFixed(2);
    t.diagnostic(`CPU an event: weir ${perEvent(we)}, Flink ${perEvent(they)}, ${ratio} times`);
    assert.ok(we.results > 0);
    assert.deepEqual(results(we), results(they));
  });
}
