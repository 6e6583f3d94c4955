import type { ConfigNode, Position } from './node.ts';

/**
 * A component's configuration is described once, as a tree of these, and everything else follows from it: the
 * TypeScript type, decoding with the collector's rules, defaults, validation, the table in the README, the JSON Schema
 * for editors and `weir explain`.
 *
 * Property names in code are the keys of the YAML file. Durations are milliseconds in code, sizes bytes.
 */
export abstract class Schema<T> {
  /** What the collector calls the type in its messages: `uint32`, `time.Duration`, `string` … */
  abstract readonly typeName: string;
  readonly doc: string;

  constructor(doc: string) {
    this.doc = doc;
  }

  /** The value where the key is absent. Fresh on each call: two configurations never share an object. */
  abstract absent(): T;
  /** The value for an explicit null: the zero value of a scalar, not its default; a section keeps its defaults. */
  abstract zero(): T;
  /** Reads a value; a fault is reported to the decoder and some value of the type is returned. */
  abstract decode(node: ConfigNode, decoder: Decoder): T;
  /** Reports what decoding cannot see (ranges, contradictions); `path` uses `::` between keys. */
  validate(_value: T, _path: string, _report: Report): void {}
  /** The value as a user would write it: durations as text, secrets redacted unless `reveal`. */
  toPlain(value: T, _reveal: boolean): unknown {
    return value;
  }
  /** JSON Schema (2020-12) of what a user may write. */
  abstract jsonSchema(): JsonSchema;
  /** The default as a user would write it; undefined where there is none worth showing. */
  defaultText(): string | undefined {
    const plain = this.toPlain(this.absent(), false);
    if (plain === undefined || plain === null || plain === '') return undefined;
    return typeof plain === 'string' ? plain : JSON.stringify(plain);
  }
  /** The described keys below this one, for documentation; `*` stands for any key, `[]` for any element. */
  children(): readonly (readonly [string, AnySchema])[] {
    return [];
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a tree mixes schemas of every type
export type AnySchema = Schema<any>;
export type Infer<S> = S extends Schema<infer T> ? T : never;
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Called with the path of the value (`sending_queue::queue_size`; empty for the struct itself) and the message. A key
 * of the struct that the message names in quotes is where the fault is shown.
 */
export type Report = (path: string, message: string) => void;

/** Collects the faults of a whole configuration, each with its place, so that all are shown at once. */
export interface Decoder {
  /** The configuration is held against the collector's rules alone: neither older keys nor keys of our own. */
  readonly strict: boolean;
  /** Reports a fault at the current key. The quoted key path is put before the message. */
  fault(at: Position, message: string, more?: FaultDetail): void;
  /** Runs `decode` for a key of a section. */
  within<T>(key: string, decode: () => T): T;
  /** Runs `decode` for a key of a free map or an index of a list. */
  element<T>(key: string | number, decode: () => T): T;
  /**
   * A key only older configurations have. True: it is read as the key `standard`, and the user is warned once. False:
   * the configuration is held against the present rules, so the key is unknown.
   */
  legacy(at: Position, key: string, standard: string): boolean;
  /** A key that is unknown and not refused: the user is warned. */
  ignored(at: Position, key: string, hint: string): void;
  /** The current key is known and changes nothing: the user is warned, with the reason, one clause. */
  withoutEffect(at: Position, reason: string): void;
}

export interface FaultDetail {
  /** What the user wrote, already safe to print. */
  readonly found?: string;
  /** What to do about it: one clause without a full stop. */
  readonly hint?: string;
  /** Named instead of the key path at the top of a component, as the collector does. */
  readonly typeName?: string;
  /** See Fault. */
  readonly kind?: 'key' | 'secret';
}
