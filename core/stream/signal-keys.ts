import type { Signal } from '../signal.ts';
import { type Field, FieldValues } from './fields.ts';
import { joinKey, splitKey } from './key.ts';

/** A key that was taken apart. */
export interface KeyParts {
  readonly signal: Signal;
  readonly fields: readonly Field[];
  /** Of the fields, in their order. */
  readonly values: readonly string[];
}

/** Keys of items of several signals: what they are made of is not the same for all, so a key begins with its signal. */
export class SignalKeys {
  readonly #names: (signal: Signal) => readonly string[];
  readonly #fields = new Map<Signal, FieldValues>();
  readonly #parts: string[] = [];

  /** `names`: the fields of a signal's keys. */
  constructor(names: (signal: Signal) => readonly string[]) {
    this.#names = names;
  }

  of(signal: Signal): FieldValues {
    const known = this.#fields.get(signal) ?? new FieldValues(this.#names(signal), signal);
    this.#fields.set(signal, known);
    return known;
  }

  /** The key of the item that the fields are at. */
  join(signal: Signal, { values }: FieldValues): string {
    const parts = this.#parts;
    parts[0] = signal;
    for (let i = 0; i < values.length; i++) parts[i + 1] = values[i] as string;
    parts.length = values.length + 1;
    return joinKey(parts);
  }

  split(key: string): KeyParts {
    const [signal, ...values] = splitKey(key);
    return { signal: signal as Signal, fields: this.of(signal as Signal).fields, values };
  }
}
