import type { Fault } from './fault.ts';
import { formatPosition } from './fault.ts';
import type { ConfigNode, MapNode, Position } from './node.ts';
import { isNull } from './node.ts';
import type { Decoder, FaultDetail, Schema } from './schema.ts';
import { Secret } from './secret.ts';

/** What comes up while a configuration is read. */
export interface Findings {
  readonly faults: Fault[];
  /** One line each. */
  readonly warnings: string[];
  /** Legacy keys are refused instead of read. */
  readonly strict: boolean;
}

/** The decoder of one section; `section` is its place in the whole (`processors::batch`). */
export class SectionDecoder implements Decoder {
  readonly #findings: Findings;
  readonly #section: string;
  #path: string;

  /** `path` is where the section's own key path starts. */
  constructor(findings: Findings, section: string, path = '') {
    this.#findings = findings;
    this.#section = section;
    this.#path = path;
  }

  get strict(): boolean {
    return this.#findings.strict;
  }

  fault(at: Position, message: string, more: FaultDetail = {}): void {
    const path = this.#path === '' ? (more.typeName ?? '') : this.#path;
    const { found, hint, kind } = more;
    this.#findings.faults.push({ at, section: this.#section, message: `'${path}' ${message}`, found, hint, kind });
  }

  within<T>(key: string, decode: () => T): T {
    return this.#deeper(this.#path === '' ? key : `${this.#path}.${key}`, decode);
  }

  element<T>(key: string | number, decode: () => T): T {
    return this.#deeper(`${this.#path}[${key}]`, decode);
  }

  #deeper<T>(path: string, decode: () => T): T {
    const before = this.#path;
    this.#path = path;
    const value = decode();
    this.#path = before;
    return value;
  }

  legacy(at: Position, key: string, standard: string): boolean {
    if (this.#findings.strict) return false;
    this.#warn(at, key, `is a key of older collectors, read as '${standard}'`);
    return true;
  }

  ignored(at: Position, key: string, hint: string): void {
    this.#warn(at, key, `is unknown and has no effect (${hint})`);
  }

  withoutEffect(at: Position, reason: string): void {
    this.#warn(at, '', `has no effect: ${reason}`);
  }

  #warn(at: Position, key: string, message: string): void {
    const path = [this.#path, key].filter((part) => part !== '').join('.');
    const section = this.#section === '' ? '' : `${this.#section}: `;
    const warning = `${formatPosition(at)}: ${section}'${path}' ${message}`;
    if (!this.#findings.warnings.includes(warning)) this.#findings.warnings.push(warning);
  }
}

/** Decodes and validates one section. Faults go to `findings`; the value is deeply frozen. */
export function readSection<T>(schema: Schema<T>, node: ConfigNode, section: string, findings: Findings): T {
  const before = findings.faults.length;
  const value = isNull(node) ? schema.absent() : schema.decode(node, new SectionDecoder(findings, section));
  // What could not be read has some value that says nothing about the user's: no second fault about it.
  if (findings.faults.length === before) validateSection(schema, value, node, section, findings);
  return deepFreeze(value);
}

/** Reports what decoding cannot see, each at the key it is about. */
export function validateSection<T>(
  schema: Schema<T>,
  value: T,
  node: ConfigNode,
  section: string,
  findings: Findings,
): void {
  schema.validate(value, '', (path, message) => {
    const full = path === '' ? section : [section, path].filter((part) => part !== '').join('::');
    const place = placeOf(node, path, message);
    findings.faults.push({ ...place, section: full, message });
  });
}

/** The key the message names in quotes, else the deepest part of the path that the user wrote. */
function placeOf(node: ConfigNode, path: string, message: string): Pick<Fault, 'at' | 'kind'> {
  let place: Pick<Fault, 'at' | 'kind'> = { at: node.at };
  let current = node;
  for (const step of path === '' ? [] : path.split('::')) {
    if (current.kind === 'list') {
      current = current.items[Number(step)] ?? current;
      place = { at: current.at };
    } else if (current.kind === 'map') {
      // Steps that are no keys are names of embedded sections, whose keys stand right here.
      const entry = current.entries.get(step);
      if (entry === undefined) continue;
      current = entry.node;
      place = { at: entry.keyAt, kind: 'key' };
    }
  }
  return (current.kind === 'map' ? namedKey(current, message) : undefined) ?? place;
}

function namedKey(node: MapNode, message: string): Pick<Fault, 'at' | 'kind'> | undefined {
  for (const [, word = ''] of message.matchAll(/['"`]?([a-z][\w.]*)['"`]?/g)) {
    const entry = node.entries.get(word);
    if (entry !== undefined) return { at: entry.node.at };
  }
  return undefined;
}

/** Freezes plain data and what is in it. Secrets and other objects with a class are immutable by themselves. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && !isPlain(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
