import { type Parts, takeBytes } from '../otlp/split.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TooLargeError } from './types.ts';

/** A part that is too large again is split again, so often: 64 parts and more where the limit is not told. */
export const MAX_SPLITS = 6;
/** Whatever the peer says its limit is, one refusal does not make more requests of one than about this. */
const MAX_PARTS = 16;
/** Compression can make a message larger, by less than this share of it. */
const HEADROOM = 64;

/**
 * The batch in parts that the peer may take, in their order: as large as it takes, or halves. Undefined where it cannot
 * be split; else the caller's reference is taken over.
 */
export function smaller(batch: Telemetry, { maxBytes }: TooLargeError): Telemetry[] | undefined {
  if (batch.items <= 1) return undefined;
  const known = maxBytes !== undefined && maxBytes < batch.byteLength;
  const wanted = known ? maxBytes - Math.ceil(maxBytes / HEADROOM) : Math.ceil(batch.byteLength / 2);
  const size = Math.max(wanted, Math.ceil(batch.byteLength / MAX_PARTS));
  const parts: Telemetry[] = [];
  for (let rest: Telemetry | undefined = batch; rest !== undefined; ) {
    const parted: Parts = takeBytes(rest, size);
    parts.push(parted.head);
    rest = parted.rest;
  }
  return parts;
}
