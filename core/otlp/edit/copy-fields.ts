import { next, readVarint, skipValue } from '../wire.ts';
import type { Writer } from './writer.ts';

/** Copies the fields of the message in `buffer[start, end)`, in order, but not those with this tag, or these two. */
export function copyFieldsExcept(
  writer: Writer,
  buffer: Buffer,
  start: number,
  end: number,
  tag: number,
  second = tag,
): void {
  let from = start;
  let position = start;
  while (position < end) {
    const field = position;
    const found = readVarint(buffer, position);
    position = skipValue(buffer, next, found);
    if (found !== tag && found !== second) continue;
    writer.copy(buffer, from, field);
    from = position;
  }
  writer.copy(buffer, from, end);
}
