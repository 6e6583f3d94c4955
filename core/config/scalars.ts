import { formatComponentId, parseComponentId } from '../component-id.ts';
import { withoutPasswords } from '../url-password.ts';
import { type ConfigNode, foundText, goType, isNull } from './node.ts';
import { type Decoder, type JsonSchema, Schema } from './schema.ts';
import { REDACTED, Secret } from './secret.ts';

/** Any field can be written as `${…}` for editors, whatever its type. */
export const EXPANSION: JsonSchema = { type: 'string', pattern: '\\$\\{' };

/** Reports that the node's type does not fit. Values of secrets are never echoed. */
export function mismatch(node: ConfigNode, expected: string, decoder: Decoder, secret = false): void {
  const found = secret ? undefined : foundText(node);
  decoder.fault(
    node.at,
    `expected type '${expected}', got unconvertible type '${goType(node)}'`,
    found === undefined ? (secret ? { kind: 'secret' } : {}) : { found },
  );
}

/** The text a string field takes: the original of a whole `${…}`, else only a YAML string. */
export function stringOf(node: ConfigNode): string | undefined {
  if (node.text !== undefined) return node.text;
  return node.kind === 'scalar' && typeof node.value === 'string' && node.date !== true ? node.value : undefined;
}

class StringSchema extends Schema<string> {
  readonly typeName = 'string';
  readonly #def: string;

  constructor(doc: string, def: string) {
    super(doc);
    this.#def = def;
  }

  absent(): string {
    return this.#def;
  }
  zero(): string {
    return '';
  }
  decode(node: ConfigNode, decoder: Decoder): string {
    const text = stringOf(node);
    if (text !== undefined) return text;
    if (!isNull(node)) mismatch(node, this.typeName, decoder);
    return '';
  }
  override toPlain(value: string, reveal: boolean): unknown {
    return reveal ? value : withoutPasswords(value, REDACTED);
  }
  jsonSchema(): JsonSchema {
    return { type: ['string', 'null'] };
  }
}

class BoolSchema extends Schema<boolean> {
  readonly typeName = 'bool';
  readonly #def: boolean;

  constructor(doc: string, def: boolean) {
    super(doc);
    this.#def = def;
  }

  absent(): boolean {
    return this.#def;
  }
  zero(): boolean {
    return false;
  }
  decode(node: ConfigNode, decoder: Decoder): boolean {
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    if (!isNull(node)) mismatch(node, this.typeName, decoder);
    return false;
  }
  jsonSchema(): JsonSchema {
    return { anyOf: [{ type: ['boolean', 'null'] }, EXPANSION] };
  }
}

class SecretSchema extends Schema<Secret | undefined> {
  readonly typeName = 'configopaque.String';

  absent(): undefined {
    return undefined;
  }
  zero(): undefined {
    return undefined;
  }
  decode(node: ConfigNode, decoder: Decoder): Secret | undefined {
    const text = stringOf(node);
    if (text === undefined && !isNull(node)) mismatch(node, this.typeName, decoder, true);
    return text === undefined || text === '' ? undefined : new Secret(text);
  }
  override toPlain(value: Secret | undefined, reveal: boolean): unknown {
    return reveal ? (value?.reveal() ?? '') : (value?.toJSON() ?? '');
  }
  jsonSchema(): JsonSchema {
    return { type: ['string', 'null'] };
  }
}

export interface OneOfOptions {
  /** Values are read in any case and kept as written in the list. */
  readonly ignoreCase?: boolean;
  /** An explicit null is the empty string, as Go decodes it, and refused where that is no value of the list. */
  readonly nullIsEmpty?: boolean;
}

class OneOfSchema<V extends string> extends Schema<V> {
  readonly typeName = 'string';
  readonly #values: readonly V[];
  readonly #def: V;
  readonly #message: (found: string) => string;
  readonly #ignoreCase: boolean;
  readonly #nullIsEmpty: boolean;

  constructor(doc: string, values: readonly V[], def: V, message: (found: string) => string, options: OneOfOptions) {
    super(doc);
    this.#values = values;
    this.#def = def;
    this.#message = message;
    this.#ignoreCase = options.ignoreCase ?? false;
    this.#nullIsEmpty = options.nullIsEmpty ?? false;
  }

  absent(): V {
    return this.#def;
  }
  /** The empty string where it is a value of the list, else the default. */
  zero(): V {
    return this.#values.find((value) => value === '') ?? this.#def;
  }
  decode(node: ConfigNode, decoder: Decoder): V {
    const empty = isNull(node) && (node.text ?? '') === '';
    if (empty && !this.#nullIsEmpty) return this.zero();
    const text = empty ? '' : stringOf(node);
    if (text === undefined) {
      mismatch(node, this.typeName, decoder);
      return this.#def;
    }
    const same = (value: V) => value === text || (this.#ignoreCase && value.toLowerCase() === text.toLowerCase());
    const value = this.#values.find(same);
    if (value !== undefined) return value;
    const known = this.#values.map((v) => (v === '' ? '""' : v)).join(', ');
    decoder.fault(node.at, this.#message(text), { hint: `one of: ${known}` });
    return this.#def;
  }
  jsonSchema(): JsonSchema {
    const values = this.#nullIsEmpty ? this.#values : [...this.#values, null];
    const value = this.#ignoreCase ? { type: ['string', 'null'] } : { enum: values };
    return { anyOf: [value, EXPANSION] };
  }
}

class ComponentIdSchema extends Schema<string | undefined> {
  readonly typeName = 'component.ID';

  absent(): undefined {
    return undefined;
  }
  zero(): undefined {
    return undefined;
  }
  decode(node: ConfigNode, decoder: Decoder): string | undefined {
    if (isNull(node)) return undefined;
    if (node.kind !== 'scalar' || typeof node.value !== 'string') {
      mismatch(node, this.typeName, decoder);
      return undefined;
    }
    const id = parseComponentId(node.value);
    if (!('error' in id)) return formatComponentId(id);
    decoder.fault(node.at, id.error);
    return undefined;
  }
  jsonSchema(): JsonSchema {
    return { type: ['string', 'null'] };
  }
}

export const string = (doc: string, def = ''): Schema<string> => new StringSchema(doc, def);
export const bool = (doc: string, def = false): Schema<boolean> => new BoolSchema(doc, def);
/** An empty secret is undefined. */
export const secret = (doc: string): Schema<Secret | undefined> => new SecretSchema(doc);
/** One of a list of strings. `message` gives the collector's words for another value. */
export const oneOf = <const V extends string>(
  doc: string,
  values: readonly V[],
  def: NoInfer<V>,
  message: (found: string) => string = (found) => `unknown value ${JSON.stringify(found)}`,
  options: OneOfOptions = {},
): Schema<V> => new OneOfSchema(doc, values, def, message, options);
/** The id of another component (`file_storage/a`), normalised. */
export const componentId = (doc: string): Schema<string | undefined> => new ComponentIdSchema(doc);
