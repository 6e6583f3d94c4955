import { next, readVarint, skipValue } from '../wire.ts';
import { Attributes } from './attributes.ts';

/** The tag of the attributes of a Resource, and of an InstrumentationScope. */
export const RESOURCE_ATTRIBUTES = (1 << 3) | 2;
export const SCOPE_ATTRIBUTES = (3 << 3) | 2;

const NAME = (1 << 3) | 2;
const VERSION = (2 << 3) | 2;
const NOTHING = Buffer.alloc(0);

/** An InstrumentationScope: `read`, then its fields. */
export class ScopeReader {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  nameStart = 0;
  nameEnd = 0;
  versionStart = 0;
  versionEnd = 0;
  readonly #attributes = new Attributes();

  read(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.nameStart = this.nameEnd = this.versionStart = this.versionEnd = end;
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag !== NAME && tag !== VERSION) continue;
      readVarint(buffer, value);
      if (tag === NAME) {
        this.nameStart = next;
        this.nameEnd = position;
      } else {
        this.versionStart = next;
        this.versionEnd = position;
      }
    }
    return this;
  }

  get name(): string {
    return this.buffer.toString('utf8', this.nameStart, this.nameEnd);
  }

  get version(): string {
    return this.buffer.toString('utf8', this.versionStart, this.versionEnd);
  }

  get attributes(): Attributes {
    return this.#attributes.set(this.buffer, this.start, this.end, SCOPE_ATTRIBUTES);
  }
}
