import { next, readVarint, skipValue } from '../wire.ts';

const NOTHING = Buffer.alloc(0);

/**
 * The messages in the fields with one tag: events, links, exemplars, quantiles, elements of an array.
 *
 *   messages.set(buffer, start, end, tag);
 *   while (messages.next()) …              // the message is buffer[messages.messageStart, messages.messageEnd)
 */
export class Messages {
  buffer: Buffer = NOTHING;
  messageStart = 0;
  messageEnd = 0;
  #end = 0;
  #tag = 0;

  set(buffer: Buffer, start: number, end: number, tag: number): this {
    this.buffer = buffer;
    this.messageEnd = start;
    this.#end = end;
    this.#tag = tag;
    return this;
  }

  next(): boolean {
    const { buffer } = this;
    let position = this.messageEnd;
    while (position < this.#end) {
      const tag = readVarint(buffer, position);
      if (tag === this.#tag) {
        const length = readVarint(buffer, next);
        this.messageStart = next;
        this.messageEnd = next + length;
        return true;
      }
      position = skipValue(buffer, next, tag);
    }
    this.messageEnd = this.#end;
    return false;
  }
}
