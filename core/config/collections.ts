import { type ConfigNode, goKind, isNull, type ListNode, type MapNode, toPlainData } from './node.ts';
import { mismatch, stringOf } from './scalars.ts';
import { type AnySchema, type Decoder, type FaultDetail, type JsonSchema, type Report, Schema } from './schema.ts';
import { Secret } from './secret.ts';

export function faultNotList(node: ConfigNode, decoder: Decoder, expected?: AnySchema): void {
  decoder.fault(node.at, `source data must be an array or slice, got ${goKind(node)}`, shown(expected));
}

export function faultNotMap(node: ConfigNode, decoder: Decoder, expected?: AnySchema): void {
  decoder.fault(node.at, `expected a map or struct, got "${goKind(node)}"`, shown(expected));
}

/** Where something holds secrets, a text in its place may well be one. */
const shown = (expected: AnySchema | undefined): FaultDetail =>
  expected !== undefined && holdsSecrets(expected) ? { kind: 'secret' } : {};

const holdsSecrets = (schema: AnySchema): boolean =>
  schema.typeName.includes('configopaque.') || schema.children().some(([, child]) => holdsSecrets(child));

class ListSchema<T> extends Schema<readonly T[]> {
  readonly typeName: string;
  readonly #item: Schema<T>;
  readonly #def: readonly T[];
  readonly #split: boolean;

  constructor(doc: string, item: Schema<T>, def: readonly T[], split: boolean) {
    super(doc);
    this.#item = item;
    this.#def = def;
    this.#split = split;
    this.typeName = `[]${item.typeName}`;
  }

  absent(): readonly T[] {
    return structuredCloneOf(this.#def);
  }
  zero(): readonly T[] {
    return [];
  }
  decode(node: ConfigNode, decoder: Decoder): readonly T[] {
    if (isNull(node)) return [];
    if (this.#split && node.kind === 'scalar' && typeof node.value === 'string' && node.date !== true) {
      // A scalar for a list of strings is split at commas without trimming, as in the collector.
      return (node.value === '' ? [] : node.value.split(',')) as readonly unknown[] as readonly T[];
    }
    if (node.kind !== 'list') {
      faultNotList(node, decoder, this);
      return [];
    }
    return node.items.map((item, i) => decoder.element(i, () => this.#decodeItem(item, decoder)));
  }
  #decodeItem(item: ConfigNode, decoder: Decoder): T {
    return isNull(item) && item.text === undefined ? this.#item.zero() : this.#item.decode(item, decoder);
  }
  override validate(value: readonly T[], path: string, report: Report): void {
    for (const [i, item] of value.entries()) this.#item.validate(item, joinPath(path, String(i)), report);
  }
  override toPlain(value: readonly T[], reveal: boolean): unknown {
    return value.map((item) => this.#item.toPlain(item, reveal));
  }
  jsonSchema(): JsonSchema {
    const list = { type: ['array', 'null'], items: this.#item.jsonSchema() };
    const text = this.#split ? { type: 'string' } : { type: 'string', pattern: '\\$\\{' };
    return { anyOf: [list, text] };
  }
  override children(): readonly (readonly [string, AnySchema])[] {
    return [['[]', this.#item]];
  }
}

/** Defaults are short lists of scalars or plain objects. */
function structuredCloneOf<T>(list: readonly T[]): readonly T[] {
  return list.map((item) => (typeof item === 'object' && item !== null ? structuredClone(item) : item));
}

class MapSchema<T> extends Schema<Readonly<Record<string, T>>> {
  readonly typeName: string;
  readonly #item: Schema<T>;

  constructor(doc: string, item: Schema<T>) {
    super(doc);
    this.#item = item;
    this.typeName = `map[string]${item.typeName}`;
  }

  absent(): Readonly<Record<string, T>> {
    return {};
  }
  zero(): Readonly<Record<string, T>> {
    return {};
  }
  decode(node: ConfigNode, decoder: Decoder): Readonly<Record<string, T>> {
    // A record without prototype: `__proto__` is a key like any other.
    const result: Record<string, T> = Object.create(null);
    if (isNull(node)) return result;
    if (node.kind !== 'map') {
      faultNotMap(node, decoder, this);
      return result;
    }
    for (const [key, entry] of node.entries) {
      const item = entry.node;
      result[key] = decoder.element(key, () =>
        isNull(item) && item.text === undefined ? this.#item.zero() : this.#item.decode(item, decoder),
      );
    }
    return result;
  }
  override validate(value: Readonly<Record<string, T>>, path: string, report: Report): void {
    for (const [key, item] of Object.entries(value)) this.#item.validate(item, joinPath(path, key), report);
  }
  override toPlain(value: Readonly<Record<string, T>>, reveal: boolean): unknown {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#item.toPlain(item, reveal)]));
  }
  jsonSchema(): JsonSchema {
    return {
      anyOf: [
        { type: ['object', 'null'], additionalProperties: this.#item.jsonSchema() },
        { type: 'string', pattern: '\\$\\{' },
      ],
    };
  }
  override children(): readonly (readonly [string, AnySchema])[] {
    return [['*', this.#item]];
  }
}

export type Headers = ReadonlyMap<string, Secret>;

/** A map of names to secret values, or a list of `{name, value}`; order is kept. */
class HeadersSchema extends Schema<Headers> {
  readonly typeName = 'configopaque.MapList';

  absent(): Headers {
    return new Map();
  }
  zero(): Headers {
    return new Map();
  }
  decode(node: ConfigNode, decoder: Decoder): Headers {
    const result = new Map<string, Secret>();
    if (node.kind === 'map') this.#decodeMap(node, decoder, result);
    else if (node.kind === 'list') this.#decodeList(node, decoder, result);
    else if (!isNull(node)) faultNotMap(node, decoder, this);
    return result;
  }
  #decodeMap(node: MapNode, decoder: Decoder, result: Map<string, Secret>): void {
    for (const [name, entry] of node.entries) {
      decoder.element(name, () => result.set(name, this.#value(entry.node, decoder)));
    }
  }
  #decodeList(node: ListNode, decoder: Decoder, result: Map<string, Secret>): void {
    const twice = new Set<string>();
    for (const [i, item] of node.items.entries()) {
      decoder.element(i, () => {
        if (isNull(item)) return result.set('', new Secret(''));
        if (item.kind !== 'map') return faultNotMap(item, decoder, this);
        const unknown = [...item.entries.keys()].filter((key) => key !== 'name' && key !== 'value');
        if (unknown.length > 0) decoder.fault(item.at, `has invalid keys: ${unknown.sort().join(', ')}`);
        const nameNode = item.entries.get('name')?.node;
        const name = nameNode === undefined || isNull(nameNode) ? '' : stringOf(nameNode);
        if (name === undefined) return mismatch(nameNode as ConfigNode, 'string', decoder);
        if (result.has(name)) twice.add(name);
        const valueNode = item.entries.get('value')?.node;
        const read = (value: ConfigNode): Secret => decoder.within('value', () => this.#value(value, decoder));
        result.set(name, valueNode === undefined ? new Secret('') : read(valueNode));
      });
    }
    if (twice.size > 0) decoder.fault(node.at, `duplicate keys in map-style list: [${[...twice].join(' ')}]`);
  }
  #value(node: ConfigNode, decoder: Decoder): Secret {
    const text = stringOf(node);
    if (text === undefined && !isNull(node)) mismatch(node, 'configopaque.String', decoder, true);
    return new Secret(text ?? '');
  }
  override toPlain(value: Headers, reveal: boolean): unknown {
    return Object.fromEntries([...value].map(([name, v]) => [name, reveal ? v.reveal() : v.toJSON()]));
  }
  jsonSchema(): JsonSchema {
    const value = { type: ['string', 'null'] };
    const item = { type: 'object', properties: { name: value, value }, additionalProperties: false };
    return {
      anyOf: [
        { type: ['object', 'null'], additionalProperties: value },
        { type: 'array', items: item },
        { type: 'string', pattern: '\\$\\{' },
      ],
    };
  }
}

class AnyValueSchema extends Schema<unknown> {
  readonly typeName = 'any';

  absent(): unknown {
    return undefined;
  }
  zero(): unknown {
    return null;
  }
  decode(node: ConfigNode): unknown {
    return toPlainData(node);
  }
  jsonSchema(): JsonSchema {
    return {};
  }
}

export function joinPath(path: string, key: string): string {
  return path === '' ? key : `${path}::${key}`;
}

export const list = <T>(doc: string, item: Schema<T>, def: readonly T[] = []): Schema<readonly T[]> =>
  new ListSchema(doc, item, def, false);
/** A list of strings; a scalar is split at commas. */
export const stringList = (doc: string, item: Schema<string>, def: readonly string[]): Schema<readonly string[]> =>
  new ListSchema(doc, item, def, true);
export const mapOf = <T>(doc: string, item: Schema<T>): Schema<Readonly<Record<string, T>>> => new MapSchema(doc, item);
export const headers = (doc: string): Schema<Headers> => new HeadersSchema(doc);
/** Anything, as plain data. Undefined when absent. */
export const any = (doc: string): Schema<unknown> => new AnyValueSchema(doc);
