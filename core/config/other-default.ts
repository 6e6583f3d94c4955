import type { ConfigNode } from './node.ts';
import { type AnySchema, type Decoder, type JsonSchema, type Report, Schema } from './schema.ts';

/** A field with another default; everything else as before. */
export class OtherDefault<T> extends Schema<T> {
  readonly typeName: string;
  readonly #inner: Schema<T>;
  readonly #value: T;

  constructor(inner: Schema<T>, value: T) {
    super(inner.doc);
    this.#inner = inner;
    this.#value = value;
    this.typeName = inner.typeName;
  }

  absent(): T {
    return typeof this.#value === 'object' ? structuredClone(this.#value) : this.#value;
  }
  zero(): T {
    return this.#inner.zero();
  }
  decode(node: ConfigNode, decoder: Decoder): T {
    return this.#inner.decode(node, decoder);
  }
  override validate(value: T, path: string, report: Report): void {
    this.#inner.validate(value, path, report);
  }
  override toPlain(value: T, reveal: boolean): unknown {
    return this.#inner.toPlain(value, reveal);
  }
  jsonSchema(): JsonSchema {
    return this.#inner.jsonSchema();
  }
  override children(): readonly (readonly [string, AnySchema])[] {
    return this.#inner.children();
  }
}
