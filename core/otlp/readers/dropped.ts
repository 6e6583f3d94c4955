import { next, readVarint, skipValue } from '../wire.ts';

/** Tags of the counts of what a client left out, which hardly any client sets and no reader keeps. */
export const DroppedTag = {
  SPAN_ATTRIBUTES: 10 << 3,
  SPAN_EVENTS: 12 << 3,
  SPAN_LINKS: 14 << 3,
  EVENT_ATTRIBUTES: 4 << 3,
  LINK_ATTRIBUTES: 5 << 3,
  LOG_ATTRIBUTES: 7 << 3,
} as const;

/** The count with this tag in the message `buffer[start, end)`; 0 where it has none. */
export function droppedCount(buffer: Buffer, start: number, end: number, wanted: number): number {
  let count = 0;
  let position = start;
  while (position < end) {
    const tag = readVarint(buffer, position);
    const value = next;
    position = skipValue(buffer, value, tag);
    if (tag === wanted) count = readVarint(buffer, value) % 0x1_0000_0000;
  }
  return count;
}
