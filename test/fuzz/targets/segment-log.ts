import assert from 'node:assert/strict';
import { MARKER_LENGTH, scanSegment, writeBatches } from '../../../core/segment-log/record.ts';
import type { Target } from '../engine.ts';

const MARKER = Buffer.from('0123456789abcdef', 'hex');
const SEGMENT_SIZE = 64 << 10;

const batches = [
  [['a', Buffer.from('one')]],
  [
    ['b', Buffer.alloc(100, 7)],
    ['a', undefined],
    ['c', Buffer.alloc(0)],
  ],
  [['key\u0000of\u0000parts', Buffer.from(MARKER)]],
] as const;

/** Key, value and place in its batch of everything that was written. */
const WRITTEN = new Set(
  batches.flatMap((batch) => batch.map(([key, value], i) => told(key, value, batch.length - 1 - i))),
);

function told(key: string, value: Buffer | undefined, left: number): string {
  return `${key} ${value?.toString('hex')} ${left}`;
}

/** A segment after damage: no record comes out that was not put in, and no batch in part. */
export const segmentLog: Target = {
  name: 'segment-log',
  seeds() {
    const out = Buffer.alloc(SEGMENT_SIZE);
    const written = writeBatches(batches, out, MARKER);
    const whole = out.subarray(0, written.at(-1)?.end);
    return [whole, out.subarray(0, written[0]?.end), Buffer.concat([whole, whole])];
  },
  check(input) {
    let records = 0;
    scanSegment(input, MARKER, (batch) => {
      assert.ok(batch[0]?.first, 'the first of a batch');
      batch.forEach((record, i) => {
        assert.equal(record.left, batch.length - 1 - i, 'a batch in part');
        const value = record.value < 0 ? undefined : input.subarray(record.value, record.end);
        assert.ok(WRITTEN.has(told(record.key, value, record.left)), 'a record nobody wrote');
        assert.ok(record.at >= 0 && record.end <= input.length && record.end - record.at > MARKER_LENGTH);
        records++;
      });
    });
    return records > 0;
  },
};
