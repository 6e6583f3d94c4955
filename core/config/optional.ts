import { type ConfigNode, foundText, goType, isNull, type MapNode } from './node.ts';
import { type AnySchema, type Decoder, type JsonSchema, type Report, Schema } from './schema.ts';
import type { Struct } from './struct.ts';

export interface OptionalOptions {
  /** On without being mentioned. */
  readonly present: boolean;
  /** What an explicit null does: turns the section on with its defaults (default), or off. */
  readonly whenNull?: 'on' | 'off';
  /** What a section without keys does, in the same way. */
  readonly whenEmpty?: 'on' | 'off';
  /** False for a section that has no `enabled` key. */
  readonly enabledKey?: boolean;
}

/** A section that may be off (undefined). Mentioning it turns it on, `enabled: false` inside turns it off. */
class OptionalSchema<T> extends Schema<T | undefined> {
  readonly typeName: string;
  readonly #struct: Struct<T>;
  readonly #options: OptionalOptions;
  readonly #enabledKey: boolean;

  constructor(section: Struct<T>, options: OptionalOptions) {
    super(section.doc);
    this.typeName = section.typeName;
    this.#struct = section;
    this.#options = options;
    this.#enabledKey = (options.enabledKey ?? true) && !section.fields.has('enabled');
  }

  absent(): T | undefined {
    return this.#options.present ? this.#struct.absent() : undefined;
  }
  zero(): T | undefined {
    return this.#options.whenNull === 'off' ? undefined : this.#struct.absent();
  }
  decode(node: ConfigNode, decoder: Decoder): T | undefined {
    if (isNull(node)) return this.zero();
    if (this.#options.whenEmpty === 'off' && node.kind === 'map' && node.entries.size === 0) return undefined;
    if (node.kind !== 'map' || !this.#enabledKey) return this.#struct.decode(node, decoder);
    const enabled = node.entries.get('enabled');
    if (enabled === undefined) return this.#struct.decode(node, decoder);
    const rest = new Map(node.entries);
    rest.delete('enabled');
    const value = this.#struct.decode({ ...node, entries: rest } satisfies MapNode, decoder);
    if (enabled.node.kind === 'scalar' && typeof enabled.node.value === 'boolean') {
      return enabled.node.value ? value : undefined;
    }
    const found = foundText(enabled.node) ?? '';
    decoder.fault(
      enabled.node.at,
      `unexpected type ${goType(enabled.node)} for 'enabled': got ${found} value expected 'true' or 'false'`,
    );
    return value;
  }
  override validate(value: T | undefined, path: string, report: Report): void {
    if (value !== undefined) this.#struct.validate(value, path, report);
  }
  override toPlain(value: T | undefined, reveal: boolean): unknown {
    if (value !== undefined) return this.#struct.toPlain(value, reveal);
    // Null would turn the section on when the printed text is read again.
    if (this.#options.whenNull === 'off') return null;
    return this.#enabledKey ? { enabled: false } : undefined;
  }
  jsonSchema(): JsonSchema {
    const enabled = { type: 'boolean', description: 'False turns the section off.' };
    const section = this.#struct.objectSchema(this.#enabledKey ? { enabled } : {});
    return { anyOf: [section, { type: 'string', pattern: '\\$\\{' }] };
  }
  override defaultText(): string | undefined {
    return this.#options.present ? undefined : 'off';
  }
  override children(): readonly (readonly [string, AnySchema])[] {
    return this.#struct.children();
  }
}

/** `undefined` in code where the section is off. */
export const optional = <T>(section: Struct<T>, options: OptionalOptions): Schema<T | undefined> =>
  new OptionalSchema(section, options);

/** A field of any kind that is undefined where its key is absent or null, for those whose zero means something. */
class MaybeSchema<T> extends Schema<T | undefined> {
  readonly typeName: string;
  readonly #field: Schema<T>;

  constructor(field: Schema<T>) {
    super(field.doc);
    this.#field = field;
    this.typeName = field.typeName;
  }

  absent(): undefined {
    return undefined;
  }
  zero(): undefined {
    return undefined;
  }
  decode(node: ConfigNode, decoder: Decoder): T | undefined {
    return isNull(node) && node.text === undefined ? undefined : this.#field.decode(node, decoder);
  }
  override validate(value: T | undefined, path: string, report: Report): void {
    if (value !== undefined) this.#field.validate(value, path, report);
  }
  override toPlain(value: T | undefined, reveal: boolean): unknown {
    return value === undefined ? undefined : this.#field.toPlain(value, reveal);
  }
  jsonSchema(): JsonSchema {
    return this.#field.jsonSchema();
  }
  override children(): readonly (readonly [string, AnySchema])[] {
    return this.#field.children();
  }
}

export const maybe = <T>(field: Schema<T>): Schema<T | undefined> => new MaybeSchema(field);
