import { tagOf, varintSize, WireType, writeVarint } from '../otlp/wire.ts';
import type { ActionConfig } from './config.ts';

/**
 * Actions as the kernel (kernels/attributes.ts) takes them: operations of ten 32-bit numbers, little-endian, then the
 * bytes they speak of. All places are counted from the beginning of the program.
 *
 *   kind, flags, key: place and length, key of the source: place and length,
 *   the field that is put in: begin and end (both 0 without a value), in it the places of key and value
 */
const Kind = { SET: 0, SET_FROM: 1, DELETE: 2, HASH: 3 } as const;
const INSERTS = 1;
const UPDATES = 2;
const FLAGS: Readonly<Record<string, number>> = { insert: INSERTS, update: UPDATES, upsert: INSERTS | UPDATES };

const KEY = tagOf(1, WireType.BYTES);
const VALUE = tagOf(2, WireType.BYTES);
const NUMBERS = 10;
const SIZE_OF_NUMBER = 4;

/** A program, and of how many operations. */
export interface Program {
  readonly bytes: Buffer;
  readonly operations: number;
}

/**
 * The program for attributes in fields with this tag; undefined where an action is none of those the kernel has. The
 * actions have been checked (see AttributeActions).
 */
export function programOf(actions: readonly ActionConfig[], tag: number): Program | undefined {
  const numbers: number[] = [];
  const texts: Buffer[] = [];
  let place = actions.length * NUMBERS * SIZE_OF_NUMBER;
  const add = (bytes: Buffer): number => {
    texts.push(bytes);
    place += bytes.length;
    return place - bytes.length;
  };
  for (const config of actions) {
    const action = config.action.toLowerCase();
    const kind = kindOf(config, action);
    if (kind === undefined) return undefined;
    const key = Buffer.from(config.key);
    const from = Buffer.from(config.from_attribute);
    numbers.push(kind, FLAGS[action] ?? 0, add(key), key.length, add(from), from.length);
    const value = (config.value ?? config.default_value)?.encoded;
    if (value === undefined) numbers.push(0, 0, 0, 0);
    else {
      const { field, keyAt, valueAt } = fieldOf(tag, key, value);
      const begin = add(field);
      numbers.push(begin, begin + field.length, begin + keyAt, begin + valueAt);
    }
  }
  const operations = Buffer.alloc(numbers.length * SIZE_OF_NUMBER);
  for (const [i, number] of numbers.entries()) operations.writeUInt32LE(number, i * SIZE_OF_NUMBER);
  return { bytes: Buffer.concat([operations, ...texts]), operations: actions.length };
}

function kindOf(config: ActionConfig, action: string): number | undefined {
  if (config.pattern !== '' || config.from_context !== '') return undefined;
  switch (action) {
    case 'insert':
    case 'update':
    case 'upsert':
      return config.from_attribute === '' ? Kind.SET : Kind.SET_FROM;
    case 'delete':
      return Kind.DELETE;
    case 'hash':
      return Kind.HASH;
    default:
      return undefined;
  }
}

/** A field with a KeyValue, and in it the places of key and value. */
function fieldOf(tag: number, key: Buffer, value: Buffer): { field: Buffer; keyAt: number; valueAt: number } {
  const keyHead = head(KEY, key.length);
  const valueHead = head(VALUE, value.length);
  const length = keyHead.length + key.length + valueHead.length + value.length;
  const fieldHead = head(tag, length);
  const keyAt = fieldHead.length + keyHead.length;
  const field = Buffer.concat([fieldHead, keyHead, key, valueHead, value]);
  return { field, keyAt, valueAt: keyAt + key.length + valueHead.length };
}

/** Tag and length of a field. */
function head(tag: number, length: number): Buffer {
  const bytes = Buffer.alloc(varintSize(tag) + varintSize(length));
  writeVarint(bytes, writeVarint(bytes, 0, tag), length);
  return bytes;
}
