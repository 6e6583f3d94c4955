import { SpanTag } from '../../../core/otlp/readers/span.ts';
import { idAt, next, readVarint, skipValue } from '../../../core/otlp/wire.ts';
import { NONE } from './arena.ts';
import { ID_LENGTH } from './trace-id.ts';

const PARENT_ID_LENGTH = 8;
/** Seen fields, as bits. */
const TRACE_ID = 1;
const SPAN_ID = 2;
const PARENT_ID = 4;
const STATUS = 8;

/** The little that has to be known about a span when it arrives. */
export class SpanHead {
  /** Where the trace id is; NONE where there is none. */
  idAt = NONE;
  /** It has no parent; false where nobody wants to know. */
  isRoot = false;
  /** How many fields are absent that the collector writes also where they are empty; 0 where nobody wants to know. */
  missing = 0;
  readonly #all: boolean;

  /** `all`: more than the trace id is wanted, which takes a look at all fields. */
  constructor(all: boolean) {
    this.#all = all;
  }

  read(buffer: Buffer, start: number, end: number): void {
    // nearly always the id comes first, and once
    const first = buffer[start] === SpanTag.TRACE_ID && buffer[start + 1] === ID_LENGTH && end - start > ID_LENGTH + 2;
    if (first && !this.#all && buffer[start + 2 + ID_LENGTH] !== SpanTag.TRACE_ID) this.idAt = start + 2;
    else this.#readFields(buffer, start, end);
  }

  #readFields(buffer: Buffer, start: number, end: number): void {
    this.idAt = NONE;
    let parentAt = NONE;
    let seen = 0;
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === SpanTag.TRACE_ID) {
        this.idAt = idAt(buffer, value, position);
        seen |= TRACE_ID;
      } else if (tag === SpanTag.PARENT_SPAN_ID) {
        parentAt = idAt(buffer, value, position);
        seen |= PARENT_ID;
      } else if (tag === SpanTag.SPAN_ID) seen |= SPAN_ID;
      else if (tag === SpanTag.STATUS) seen |= STATUS;
    }
    if (!this.#all) return;
    this.isRoot = isZero(buffer, parentAt);
    this.missing = 0;
    for (const field of [TRACE_ID, SPAN_ID, PARENT_ID, STATUS]) if ((seen & field) === 0) this.missing++;
  }
}

function isZero(buffer: Buffer, at: number): boolean {
  if (at < 0) return true;
  for (let i = 0; i < PARENT_ID_LENGTH; i++) if (buffer[at + i] !== 0) return false;
  return true;
}
