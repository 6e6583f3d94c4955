import { LONGEST_PREFIX } from '../edit/writer.ts';
import { writeVarint } from '../wire.ts';
import { HistogramTag } from './metric-tags.ts';

/** The bounds of a histogram as the field that a point has them in. */
export function encodeBounds(bounds: readonly number[]): Buffer {
  if (bounds.length === 0) return Buffer.alloc(0);
  const prefix = Buffer.alloc(LONGEST_PREFIX);
  prefix[0] = HistogramTag.BOUNDS;
  const start = writeVarint(prefix, 1, bounds.length * 8);
  return Buffer.concat([prefix.subarray(0, start), Buffer.from(Float64Array.from(bounds).buffer)]);
}

/** A whole number as 64 bits; a negative one as two's complement. */
export function writeFixed64(buffer: Buffer, at: number, value: number): number {
  const low = value >>> 0;
  const after = buffer.writeUInt32LE(low, at);
  return buffer.writeUInt32LE(Math.floor((value - low) / 0x1_0000_0000) >>> 0, after);
}
