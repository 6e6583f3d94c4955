import type { Attributes } from '../otlp/readers/attributes.ts';

const NOTHING = Buffer.alloc(0);

/**
 * Finds several attributes in one walk over a list. After `scan`, the value of `keys[i]`, an AnyValue, lies in
 * `buffer[starts[i], ends[i])`, where `starts[i]` is not negative. Of several with one key the first is found.
 */
export class AttributeLookup {
  readonly keys: readonly Buffer[];
  buffer: Buffer = NOTHING;
  readonly starts: Int32Array;
  readonly ends: Int32Array;

  /** `keys`: UTF-8, each once. */
  constructor(keys: readonly Buffer[]) {
    this.keys = keys;
    this.starts = new Int32Array(keys.length).fill(-1);
    this.ends = new Int32Array(keys.length);
  }

  scan(attributes: Attributes): this {
    const { keys, starts } = this;
    this.buffer = attributes.buffer;
    starts.fill(-1);
    let missing = keys.length;
    if (missing === 0) return this;
    attributes.rewind();
    while (attributes.next()) {
      for (let i = 0; i < keys.length; i++) {
        if (starts[i] !== -1 || !attributes.keyIs(keys[i] as Buffer)) continue;
        starts[i] = attributes.valueStart;
        this.ends[i] = attributes.valueEnd;
        if (--missing === 0) return this;
        break;
      }
    }
    return this;
  }
}
