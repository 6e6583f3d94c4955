import type { Attributes } from '../../otlp/readers/attributes.ts';
import type { KeyWriter } from '../../series/key-writer.ts';
import { NAME_TAG, VALUE_TAG } from './labels.ts';

/** A label that every point has, encoded, or one whose value is that of an attribute, by its place. */
export type PlannedLabel = { readonly name: string } & ({ readonly value: string } | { readonly place: number });

interface Part {
  /** All of a label, or its name and the tag of its value. */
  readonly bytes: Buffer;
  /** -1 for a whole label. */
  readonly place: number;
}

const STRING = 0x0a;
/** Beyond it a length is not one byte. */
const SHORT = 127;

/**
 * The labels of points that have the same keys in the same order: where each comes from, found out once. Writes the
 * bytes that `writeLabels` writes, from the attributes as they are.
 */
export class LabelPlan {
  readonly #keys: readonly Buffer[];
  readonly #parts: readonly Part[];
  /** Of the values of the point, by place. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** `labels` are sorted by name; none is there twice, and none that is fixed has no value. */
  constructor(keys: readonly Buffer[], labels: readonly PlannedLabel[]) {
    this.#keys = keys;
    this.#parts = labels.map((label) => {
      const name = field(NAME_TAG, Buffer.from(label.name));
      if ('place' in label) return { bytes: Buffer.concat([name, Buffer.of(VALUE_TAG)]), place: label.place };
      return { bytes: field(NAME_TAG, Buffer.concat([name, field(VALUE_TAG, Buffer.from(label.value))])), place: -1 };
    });
  }

  /** Adds the labels of a point to a key that was begun; false where it is no such point, and nothing was added. */
  write(attributes: Attributes, to: KeyWriter): boolean {
    if (!this.#find(attributes)) return false;
    const { buffer } = attributes;
    for (const { bytes, place } of this.#parts) {
      if (place >= 0) {
        const start = this.#starts[place] as number;
        const end = this.#ends[place] as number;
        to.byte(NAME_TAG);
        to.byte(bytes.length + 1 + end - start);
        to.copy(bytes, 0, bytes.length);
        to.byte(end - start);
        to.copy(buffer, start, end);
      } else to.copy(bytes, 0, bytes.length);
    }
    return true;
  }

  /** Whether the keys are those of the plan, and the values texts that need no more thought. */
  #find(attributes: Attributes): boolean {
    const keys = this.#keys;
    const { buffer } = attributes;
    attributes.rewind();
    for (let place = 0; place < keys.length; place++) {
      const key = keys[place] as Buffer;
      if (!attributes.next() || !attributes.keyIs(key)) return false;
      const start = attributes.valueStart + 2;
      const end = attributes.valueEnd;
      if (start >= end || buffer[start - 2] !== STRING || buffer[start - 1] !== end - start) return false;
      for (let at = start; at < end; at++) if ((buffer[at] as number) > 0x7f) return false;
      this.#starts[place] = start;
      this.#ends[place] = end;
    }
    if (attributes.next()) return false;
    for (const { bytes, place } of this.#parts) {
      if (place < 0) continue;
      const size = (this.#ends[place] as number) - (this.#starts[place] as number);
      if (bytes.length + 1 + size > SHORT) return false;
    }
    return true;
  }
}

/** The labels may be longer than their plan allows for: their lengths have as many bytes as they need. */
function field(tag: number, content: Buffer): Buffer {
  const head = [tag];
  let rest = content.length;
  for (; rest > SHORT; rest >>>= 7) head.push((rest & SHORT) | 0x80);
  return Buffer.concat([Buffer.from([...head, rest]), content]);
}
