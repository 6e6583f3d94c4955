import { type ConfigNode, foundText, isNull } from '../config/node.ts';
import { EXPANSION, mismatch } from '../config/scalars.ts';
import { type Decoder, type JsonSchema, Schema } from '../config/schema.ts';
import { REDACTED, Secret } from '../config/secret.ts';
import { withoutPasswords } from '../url-password.ts';
import { formatPrometheusDuration, parsePrometheusDuration } from './duration.ts';

/** What Prometheus's section takes for text: any scalar, as the user wrote it. Undefined for what is none. */
function scalarText(node: ConfigNode): string | undefined {
  if (node.text !== undefined) return node.text;
  return node.kind === 'scalar' && node.value !== null ? String(node.value) : undefined;
}

class TextSchema extends Schema<string> {
  readonly typeName = 'string';
  readonly #def: string;
  readonly #fault: (value: string) => string | undefined;

  constructor(doc: string, def: string, fault: (value: string) => string | undefined) {
    super(doc);
    this.#def = def;
    this.#fault = fault;
  }

  absent(): string {
    return this.#def;
  }
  zero(): string {
    return '';
  }
  decode(node: ConfigNode, decoder: Decoder): string {
    const value = scalarText(node);
    if (value === undefined) {
      if (!isNull(node)) mismatch(node, this.typeName, decoder);
      return '';
    }
    const fault = this.#fault(value);
    if (fault !== undefined) decoder.fault(node.at, fault);
    return value;
  }
  override toPlain(value: string, reveal: boolean): unknown {
    return reveal ? value : withoutPasswords(value, REDACTED);
  }
  jsonSchema(): JsonSchema {
    return { type: ['string', 'number', 'boolean', 'null'] };
  }
}

class SecretTextSchema extends Schema<Secret | undefined> {
  readonly typeName = 'configopaque.String';

  absent(): undefined {
    return undefined;
  }
  zero(): undefined {
    return undefined;
  }
  decode(node: ConfigNode, decoder: Decoder): Secret | undefined {
    const value = scalarText(node);
    if (value === undefined && !isNull(node)) mismatch(node, this.typeName, decoder, true);
    return value === undefined || value === '' ? undefined : new Secret(value);
  }
  override toPlain(value: Secret | undefined, reveal: boolean): unknown {
    return reveal ? (value?.reveal() ?? '') : (value?.toJSON() ?? '');
  }
  jsonSchema(): JsonSchema {
    return { type: ['string', 'number', 'boolean', 'null'] };
  }
}

class PrometheusDurationSchema extends Schema<number> {
  readonly typeName = 'time.Duration';
  readonly #def: number;

  constructor(doc: string, def: string) {
    super(doc);
    const parsed = parsePrometheusDuration(def);
    if ('error' in parsed) throw new Error(parsed.error);
    this.#def = parsed.ms;
  }

  absent(): number {
    return this.#def;
  }
  zero(): number {
    return 0;
  }
  decode(node: ConfigNode, decoder: Decoder): number {
    const value = scalarText(node);
    if (value === undefined) {
      if (!isNull(node)) mismatch(node, this.typeName, decoder);
      return 0;
    }
    const parsed = parsePrometheusDuration(value);
    if (!('error' in parsed)) return parsed.ms;
    const found = foundText(node);
    const hint = 'write whole numbers with units: ms, s, m, h, d, w or y, as in 1m30s';
    decoder.fault(node.at, parsed.error, found === undefined ? { hint } : { found, hint });
    return 0;
  }
  override toPlain(value: number): unknown {
    return formatPrometheusDuration(value);
  }
  jsonSchema(): JsonSchema {
    const pattern = '^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$';
    return { anyOf: [{ type: 'string', pattern }, { type: 'number' }, { type: 'null' }, EXPANSION] };
  }
}

/**
 * Text in Prometheus's section, where `shard: 1` is as good as `shard: "1"`. `fault` says what is wrong with a value,
 * if anything.
 */
export const text = (
  doc: string,
  def = '',
  fault: (value: string) => string | undefined = () => undefined,
): Schema<string> => new TextSchema(doc, def, fault);
/** The same for what must not be shown. An empty secret is undefined. */
export const secretText = (doc: string): Schema<Secret | undefined> => new SecretTextSchema(doc);
/** Milliseconds in code; Prometheus's own syntax, which has days and no fractions. */
export const prometheusDuration = (doc: string, def = '0s'): Schema<number> => new PrometheusDurationSchema(doc, def);
