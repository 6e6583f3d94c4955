import { isUtf8 } from 'node:buffer';
import type { FieldSchema, MessageSchema } from '../../core/otlp/schema.ts';
import { emptyMessage, type Message } from '../../core/otlp/tree-decode.ts';

/** `unknown`: JSON on whose reading the collector has views of its own, or no JSON at all. */
export type Verdict = Message | 'refused' | 'unknown';

/** A number as it is written. */
class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

class Refused extends Error {}
class Unknown extends Error {}

/** What a request in plain, valid JSON means, by the language's own parser: the second opinion on the decoder. */
export function referenceJson(schema: MessageSchema, bytes: Buffer): Verdict {
  if (!isUtf8(bytes)) return 'unknown';
  const text = bytes.toString();
  try {
    return message(schema, parse(text));
  } catch (error) {
    if (error instanceof Refused) return hasRepeatedKeys(text) ? 'unknown' : 'refused';
    if (error instanceof Unknown || error instanceof SyntaxError) return 'unknown';
    throw error;
  }
}

function parse(text: string): unknown {
  if (hasRepeatedKeys(text)) throw new Unknown();
  const revive = (_: string, value: unknown, context: { readonly source: string }): unknown =>
    typeof value === 'number' ? new Digits(context.source) : value;
  return (JSON.parse as (text: string, revive: unknown) => unknown)(text, revive);
}

/** Objects in which a key occurs twice; or is empty, which ends an object for the collector. */
function hasRepeatedKeys(text: string): boolean {
  const open: Set<string>[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}]/gs)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const key = token.slice(0, token.lastIndexOf('"') + 1);
      // an escaped name may be the same as another
      if (key === '""' || key.includes('\\') || open.at(-1)?.has(key) === true) return true;
      open.at(-1)?.add(key);
    }
  }
  return false;
}

function message(schema: MessageSchema, value: unknown): Message {
  if (value === null) throw new Unknown();
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Digits) throw new Refused();
  const made = emptyMessage(schema);
  const met = new Set<unknown>();
  for (const [name, inner] of Object.entries(value)) {
    const field = schema.fields.find((f) => f.jsonName === name || f.name === name);
    if (field === undefined) {
      checkUnused(inner);
      continue;
    }
    // an older name, a second member of a oneof, a field by both of its names
    if (field.replacedBy !== undefined || met.has(field) || (field.oneof !== undefined && met.has(field.oneof))) {
      throw new Unknown();
    }
    met.add(field);
    if (field.oneof !== undefined) met.add(field.oneof);
    made[field.jsonName] = field.repeated ? list(field, inner) : single(field, inner);
  }
  return made;
}

/** The value of a field nobody knows: numbers there are read by other rules. */
function checkUnused(value: unknown): void {
  if (value instanceof Digits) throw new Unknown();
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) checkUnused(inner);
}

function list(field: FieldSchema, value: unknown): unknown[] {
  if (value === null) throw new Unknown();
  if (!Array.isArray(value)) throw new Refused();
  return value.map((inner) => single(field, inner));
}

function single(field: FieldSchema, value: unknown): unknown {
  if (value === null) throw new Unknown();
  if (field.message !== undefined) return message(field.message, value);
  switch (field.kind) {
    case 'string':
      if (typeof value !== 'string') throw new Refused();
      if (!value.isWellFormed()) throw new Unknown();
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw new Refused();
      return value;
    case 'bytes':
      return base64(value);
    case 'traceId':
      return id(value, 16);
    case 'spanId':
      return id(value, 8);
    case 'double':
      return double(value);
    case 'enum':
      return typeof value === 'string' ? enumValue(field, value) : Number(integer(value, 32));
    case 'int32':
    case 'sint32':
      return Number(integer(value, 32));
    case 'uint32':
    case 'fixed32':
      return Number(integer(value, 32, true));
    default:
      return integer(value, 64, field.kind === 'uint64' || field.kind === 'fixed64');
  }
}

function enumValue(field: FieldSchema, name: string): number {
  const value = field.values?.get(name);
  if (value === undefined) throw new Unknown();
  return value;
}

function base64(value: unknown): Buffer {
  if (typeof value !== 'string') throw new Refused();
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) throw new Unknown();
  return Buffer.from(value, 'base64');
}

function id(value: unknown, size: number): Buffer {
  if (typeof value !== 'string' || (value !== '' && !/^[0-9a-fA-F]+$/.test(value))) throw new Refused();
  if (value !== '' && value.length !== 2 * size) throw new Refused();
  const bytes = Buffer.from(value, 'hex');
  return bytes.every((byte) => byte === 0) ? Buffer.alloc(0) : bytes;
}

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function double(value: unknown): number {
  if (typeof value === 'string') {
    const special = SPECIAL.get(value);
    if (special === undefined) throw new Unknown();
    return special;
  }
  if (!(value instanceof Digits)) throw new Refused();
  const number = Number(value.text);
  // a negative zero is a zero that is not there
  if (!Number.isFinite(number) || Object.is(number, -0)) throw new Unknown();
  return number;
}

/** What does not fit is left to the tests with recorded verdicts: not all of it is refused. */
function integer(value: unknown, bits: 32 | 64, unsigned = false): bigint {
  const text = value instanceof Digits ? value.text : value;
  if (typeof text !== 'string') throw new Refused();
  if (!/^-?(?:0|[1-9]\d{0,19})$/.test(text)) {
    if (value instanceof Digits && /[.eE]/.test(text)) throw new Refused();
    throw new Unknown();
  }
  if (unsigned && text.startsWith('-')) throw new Refused();
  const number = BigInt(text);
  if ((unsigned ? BigInt.asUintN(bits, number) : BigInt.asIntN(bits, number)) !== number) throw new Unknown();
  return number;
}
