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
  /** The value for an explicit null; the zero value as in the collector, not the default. */
  abstract zero(): T;
  /** Reads a value; a fault is reported to the decoder and some value of the type is returned. */
  abstract decode(node: ConfigNode, decoder: Decoder): T;
  /** Reports what decoding cannot see (ranges, contradictions); `path` uses `::` between keys. */
  validate(_value: T, _path: string, _report: Report): void {}
  /** JSON Schema (2020-12) of what a user may write. */
  abstract jsonSchema(): JsonSchema;
  /** The default as a user would write it; undefined where there is none worth showing. */
  abstract defaultText(): string | undefined;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Called with the path of the value (`sending_queue::queue_size`; empty for the struct itself) and the message. */
export type Report = (path: string, message: string) => void;

/** Collects the faults of a whole configuration, each with its place, so that all are shown at once. */
export interface Decoder {
  /** Reports a fault at a node. `path` is the key path inside the section being decoded, as `tls.insecure`. */
  fault(at: Position, message: string, hint?: string): void;
  /** Runs `decode` one level deeper; `key` is a map key or a list index. */
  within<T>(key: string | number, node: ConfigNode, decode: () => T): T;
  /** The standard reading of a key that only older configurations have; one warning, or a fault when strict. */
  legacy(at: Position, key: string, standard: string): void;
}
