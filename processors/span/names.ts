import type { AttributeEditor } from '../../core/otlp/edit/attribute-editor.ts';
import { decimalText } from '../../core/otlp/go-format.ts';
import { ValueReader, ValueType } from '../../core/otlp/value.ts';
import { encodeString } from '../../core/otlp/value-encode.ts';
import { compileRegexp, type Regexp, type RegexpMatch } from '../../core/regexp.ts';
import type { NameConfig } from './config.ts';

/** What stands in the name for a value that is neither text nor a number or boolean. */
const UNKNOWN_TYPE = '<unknown-attribute-type>';

/** Makes a name of the values of attributes. */
export class NameFromAttributes {
  readonly #keys: readonly Buffer[];
  readonly #separator: string;
  readonly #value = new ValueReader();

  constructor({ from_attributes, separator }: NameConfig) {
    this.#keys = from_attributes.map((key) => Buffer.from(key));
    this.#separator = separator;
  }

  /** Undefined where an attribute is missing, or where none is wanted. */
  nameOf(attributes: AttributeEditor): string | undefined {
    if (this.#keys.length === 0) return undefined;
    let name = '';
    for (const [i, key] of this.#keys.entries()) {
      const index = attributes.find(key);
      if (index < 0) return undefined;
      if (i > 0) name += this.#separator;
      name += this.#textOf(attributes, index);
    }
    return name;
  }

  #textOf(attributes: AttributeEditor, index: number): string {
    const start = attributes.valueStart(index);
    const value = this.#value.read(attributes.bufferOf(index), start, attributes.valueEnd(index));
    switch (value.type) {
      case ValueType.STRING:
        return value.string;
      case ValueType.BOOL:
        return String(value.bool);
      case ValueType.INT:
        return value.int.toString();
      case ValueType.DOUBLE:
        return decimalText(value.double);
      default:
        return UNKNOWN_TYPE;
    }
  }
}

interface Rule {
  readonly pattern: Regexp;
  /** By group; that of the whole match is not used. */
  readonly keys: readonly Buffer[];
}

/** Makes attributes of the parts of a name that groups of patterns match. */
export class AttributesFromName {
  readonly #rules: readonly Rule[];
  readonly #breaks: boolean;
  readonly #keepsName: boolean;

  /** Throws the collector's message. */
  constructor(config: NameConfig['to_attributes']) {
    this.#rules = (config?.rules ?? []).map(compileRule);
    this.#breaks = config?.break_after_match ?? false;
    this.#keepsName = config?.keep_original_name ?? false;
  }

  get used(): boolean {
    return this.#rules.length > 0;
  }

  /** The name as it is afterwards. */
  extract(name: string, attributes: AttributeEditor): string {
    let current = name;
    for (const { pattern, keys } of this.#rules) {
      const match = current === '' ? undefined : pattern.exec(current);
      if (match === undefined) continue;
      for (let group = 1; group < keys.length; group++) {
        attributes.upsert(keys[group] as Buffer, encodeString(match.group(group)));
      }
      if (!this.#keepsName) current = templateOf(current, pattern, match);
      if (this.#breaks) break;
    }
    return current;
  }
}

function compileRule(source: string): Rule {
  try {
    const pattern = compileRegexp(source);
    return { pattern, keys: pattern.groupNames.map((group) => Buffer.from(group)) };
  } catch (error) {
    throw new Error(`invalid regexp pattern ${source}`, { cause: error });
  }
}

/** The name with `{group}` for what each group matched. A group within another one, or without a part, leaves none. */
function templateOf(name: string, { groupNames }: Regexp, { starts, ends }: RegexpMatch): string {
  let template = '';
  let position = 0;
  for (let group = 1; group < groupNames.length; group++) {
    const start = starts[group] as number;
    if (start < position) continue;
    template += `${name.slice(position, start)}{${groupNames[group]}}`;
    position = ends[group] as number;
  }
  return template + name.slice(position);
}
