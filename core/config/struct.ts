import { faultNotMap, joinPath } from './collections.ts';
import { isSet, setDeep } from './entries.ts';
import { nearest } from './nearest.ts';
import { type ConfigNode, isNull, type MapEntry, type MapNode } from './node.ts';
import { OtherDefault } from './other-default.ts';
import { type AnySchema, type Decoder, type Infer, type JsonSchema, type Report, Schema } from './schema.ts';

export type Fields = Readonly<Record<string, AnySchema>>;
export type InferFields<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };
// biome-ignore lint/suspicious/noExplicitAny: sections of every type can be embedded
export type AnyStruct = Struct<any>;
type Merged<E extends readonly AnyStruct[]> = E extends readonly [infer A, ...infer Rest extends readonly AnyStruct[]]
  ? Infer<A> & Merged<Rest>
  : unknown;

/** A key that configurations written for older collectors have, and what it means today. */
export interface LegacyKey {
  /** The standard key, with dots into sections: `compression_params.level`. */
  readonly standard: string;
  /** Further standard keys that get the same value, where one old key is several today. */
  readonly also?: readonly string[];
  /** The value for the standard key; undefined drops the key. Default: the value as it is. */
  readonly convert?: (node: ConfigNode) => ConfigNode | undefined;
}

export interface StructOptions<V, E extends readonly AnyStruct[]> {
  /** Sections whose keys stand directly in this one. */
  readonly embed?: E;
  /** Faults that decoding cannot see. `path` is the section's own; report(path, …) or report(`${path}::key`, …). */
  validate?(value: V, path: string, report: Report): void;
  readonly legacy?: Readonly<Record<string, LegacyKey>>;
  /** Keys of our own, which the collector does not have: unknown where the configuration is read strictly. */
  readonly ours?: readonly string[];
  /** Its keys are described where they stand first: tables leave them out here. */
  readonly describedElsewhere?: boolean;
  /** Unknown keys have no effect, which a warning says, because the collector takes them too. */
  readonly ignoresUnknown?: boolean;
  /** What is said of unknown keys that one may well look for here. */
  readonly hints?: Readonly<Record<string, string>>;
  /** What further keys hold, where any are allowed; they are checked and not part of the value. */
  readonly others?: AnySchema;
  /** Last touch after decoding, where a key's default hangs on another; `isSet('batch.sizer')` asks what is written. */
  finish?(value: V, isSet: (path: string) => boolean): V;
}

/** A hint is one line. */
const MAX_HINT_KEYS = 10;

/** A section with known keys. Unknown keys are faults; a null section has its defaults. */
export class Struct<T> extends Schema<T> {
  /** The Go type, `batchprocessor.Config`, which the collector names for an unknown key at the top of a component. */
  readonly typeName: string;
  readonly #own: Fields;
  readonly #embed: readonly AnyStruct[];
  readonly #options: StructOptions<T, readonly AnyStruct[]>;
  readonly #fields: ReadonlyMap<string, AnySchema>;

  constructor(typeName: string, doc: string, own: Fields, options: StructOptions<T, readonly AnyStruct[]>) {
    super(doc);
    this.typeName = typeName;
    this.#own = own;
    this.#embed = options.embed ?? [];
    this.#options = options;
    this.#fields = new Map([...this.#embed.flatMap((e) => [...e.fields]), ...Object.entries(own)]);
  }

  /** All keys, those of embedded sections included. */
  get fields(): ReadonlyMap<string, AnySchema> {
    return this.#fields;
  }

  /** The same section with other defaults: a value, or a schema that takes the place of the field. */
  with(defaults: { readonly [K in keyof T]?: T[K] | Schema<T[K]> }): Struct<T> {
    const known = Object.entries(defaults) as [string, unknown][];
    const replaced = new Map(known.map(([key, value]) => [key, this.#withDefault(key, value)]));
    const own = Object.entries(this.#own).map(([key, field]) => [key, replaced.get(key) ?? field] as const);
    const embed = this.#embed.map((e) =>
      e.with(Object.fromEntries([...replaced].filter(([key]) => e.fields.has(key) && !(key in this.#own)))),
    );
    return new Struct(this.typeName, this.doc, Object.fromEntries(own), { ...this.#options, embed });
  }
  #withDefault(key: string, value: unknown): AnySchema {
    const field = this.#fields.get(key);
    if (field === undefined) throw new Error(`${this.typeName} has no key ${key}`);
    return value instanceof Schema ? value : new OtherDefault(field, value);
  }

  absent(): T {
    const value: Record<string, unknown> = {};
    for (const [key, field] of this.#fields) value[key] = field.absent();
    return value as T;
  }
  /** A null section is an empty one. */
  zero(): T {
    return this.absent();
  }

  decode(node: ConfigNode, decoder: Decoder): T {
    if (isNull(node)) return this.absent();
    if (node.kind !== 'map') {
      faultNotMap(node, decoder, this);
      return this.absent();
    }
    const entries = this.#standardEntries(node, decoder);
    if (this.#options.others === undefined) this.#refuseUnknown(entries, decoder);
    else this.#checkOthers(this.#options.others, entries, decoder);
    const value: Record<string, unknown> = {};
    for (const [key, field] of this.#fields) {
      const entry = entries.get(key);
      value[key] = entry === undefined ? field.absent() : decoder.within(key, () => field.decode(entry.node, decoder));
    }
    return this.#finish(value as T, (path) => isSet(entries, path.split('.')));
  }

  #finish(value: T, set: (path: string) => boolean): T {
    const embedded = this.#embed.reduce((v, e) => e.#finish(v, set), value);
    return this.#options.finish?.(embedded, set) ?? embedded;
  }

  #refuseUnknown(entries: ReadonlyMap<string, MapEntry>, decoder: Decoder): void {
    const ours = new Set(decoder.strict ? this.#options.ours : []);
    const unknown = [...entries].filter(([key]) => !this.#fields.has(key) || ours.has(key));
    for (const [key, entry] of unknown) {
      const hint = this.#hintFor(key);
      if (this.#options.ignoresUnknown === true) decoder.ignored(entry.keyAt, key, hint);
      else decoder.fault(entry.keyAt, `has invalid keys: ${key}`, { hint, typeName: this.typeName, kind: 'key' });
    }
  }

  #checkOthers(others: AnySchema, entries: ReadonlyMap<string, MapEntry>, decoder: Decoder): void {
    for (const [key, { node }] of entries) {
      if (!this.#fields.has(key)) decoder.within(key, () => others.decode(node, decoder));
    }
  }

  #hintFor(key: string): string {
    const hint = this.hints()[key];
    if (hint !== undefined) return hint;
    if (this.#options.ours?.includes(key) === true) return 'a key that the collector does not have';
    const standard = this.legacyKeys().get(key)?.standard;
    if (standard !== undefined) return `a key of older collectors, today '${standard}'`;
    const near = nearest(key, this.#fields.keys());
    if (near !== undefined) return `did you mean '${near}'?`;
    if (this.#fields.size === 0) return 'there are no keys here';
    const known = [...this.#fields.keys()];
    const more = known.length > MAX_HINT_KEYS ? ', … (weir explain lists them all)' : '';
    return `known keys: ${known.slice(0, MAX_HINT_KEYS).join(', ')}${more}`;
  }

  /** Legacy keys under their standard names. */
  #standardEntries(node: MapNode, decoder: Decoder): ReadonlyMap<string, MapEntry> {
    const legacy = this.legacyKeys();
    const used = [...node.entries].filter(([key]) => legacy.has(key) && !this.#fields.has(key));
    if (used.length === 0) return node.entries;
    const entries = new Map(node.entries);
    for (const [key, entry] of used) {
      const rule = legacy.get(key);
      if (rule === undefined) continue;
      const standard = [rule.standard, ...(rule.also ?? [])];
      if (!decoder.legacy(entry.keyAt, key, standard.join(', '))) continue;
      entries.delete(key);
      const converted = rule.convert === undefined ? entry.node : rule.convert(entry.node);
      if (converted === undefined) continue;
      for (const path of standard) setDeep(entries, path.split('.'), { keyAt: entry.keyAt, node: converted });
    }
    return entries;
  }

  legacyKeys(): ReadonlyMap<string, LegacyKey> {
    return new Map([...this.#embed.flatMap((e) => [...e.legacyKeys()]), ...Object.entries(this.#options.legacy ?? {})]);
  }

  hints(): Readonly<Record<string, string>> {
    return Object.assign({}, ...this.#embed.map((e) => e.hints()), this.#options.hints);
  }

  override validate(value: T, path: string, report: Report): void {
    for (const [key, field] of Object.entries(this.#own)) {
      field.validate((value as Record<string, unknown>)[key], joinPath(path, key), report);
    }
    for (const e of this.#embed) e.validate(value, joinPath(path, e.goName()), report);
    this.#options.validate?.(value, path, report);
  }

  /** The name an embedded section has in validation paths: the Go type's own name in lower case. */
  goName(): string {
    return this.typeName.slice(this.typeName.lastIndexOf('.') + 1).toLowerCase();
  }

  override toPlain(value: T, reveal: boolean): unknown {
    const entries = [...this.#fields].map(
      ([key, field]) => [key, field.toPlain((value as Record<string, unknown>)[key], reveal)] as const,
    );
    return Object.fromEntries(entries.filter(([, plain]) => plain !== undefined));
  }

  jsonSchema(): JsonSchema {
    return {
      anyOf: [this.objectSchema(), { type: 'string', pattern: '\\$\\{' }],
    };
  }
  objectSchema(extra: Readonly<Record<string, JsonSchema>> = {}): JsonSchema {
    const properties = [...this.#fields].map(([key, field]) => [key, documented(field)] as const);
    return {
      type: ['object', 'null'],
      description: this.doc,
      properties: { ...Object.fromEntries(properties), ...extra },
      additionalProperties: this.#options.others === undefined ? false : this.#options.others.jsonSchema(),
    };
  }

  override defaultText(): undefined {
    return undefined;
  }
  override children(): readonly (readonly [string, AnySchema])[] {
    return this.#options.describedElsewhere === true ? [] : [...this.#fields];
  }
}

function documented(field: AnySchema): JsonSchema {
  const text = field.defaultText();
  const description = text === undefined ? field.doc : `${field.doc} Default: ${text}`;
  return { ...field.jsonSchema(), description };
}

/**
 * A section: `struct('batchprocessor.Config', 'What it is.', { timeout: duration('…', '200ms') }, { embed: [tls] })`.
 * The value type is that of the fields and of the embedded sections.
 */
export function struct<F extends Fields, const E extends readonly AnyStruct[] = readonly []>(
  typeName: string,
  doc: string,
  fields: F,
  options: StructOptions<InferFields<F> & Merged<E>, E> = {},
): Struct<InferFields<F> & Merged<E>> {
  return new Struct(typeName, doc, fields, options as StructOptions<InferFields<F> & Merged<E>, readonly AnyStruct[]>);
}
