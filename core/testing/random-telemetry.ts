import { EXPORT_REQUEST, type FieldSchema, type MessageSchema } from '../otlp/schema.ts';
import { encodeTree, type TreeOf } from '../otlp/tree.ts';
import { emptyMessage, type Message } from '../otlp/tree-decode.ts';
import { encodeMessage } from '../otlp/tree-encode.ts';
import type { Signal } from '../signal.ts';

/** Uniform numbers in [0, 1) that a seed decides (mulberry32), so that a failing random test can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/**
 * Valid telemetry with every kind of message, value and data point, and with what is rare: empty messages, absent
 * resources, extreme numbers, text outside ASCII. The same seed gives the same tree.
 */
export function randomTree<S extends Signal>(signal: S, seed: number): TreeOf[S] {
  const random = seededRandom(seed);
  return randomMessage(EXPORT_REQUEST[signal], new Generator(random), 0) as unknown as TreeOf[S];
}

/** The same as an export request, fields in canonical order. */
export function randomRequest(signal: Signal, seed: number): Buffer {
  return encodeTree(signal, randomTree(signal, seed));
}

/**
 * The same once more, as a peer may also write it: fields in any order, unknown fields in every message, packed
 * numbers unpacked. `decodeTree` of it equals `randomTree` of the same seed.
 */
export function looseRequest(signal: Signal, seed: number): Buffer {
  const random = seededRandom(seed ^ 0x5bd1e995);
  return looseMessage(EXPORT_REQUEST[signal], randomTree(signal, seed) as unknown as Message, random);
}

/** Request, resource, scope and item: here lists are rarely empty, so that most requests have items. */
const GROUP_DEPTH = 2;

/** Values deeper than this become scalars, so that trees stay small. */
const MAX_DEPTH = 12;

class Generator {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  bits64(): bigint {
    const edge = this.pick([0n, 1n, 127n, 128n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]);
    return this.chance(0.3) ? edge : BigInt(this.below(2 ** 32)) * BigInt(this.below(2 ** 32));
  }
}

const WORDS = ['', 'a', 'http.method', 'service.name', 'GET', 'Zürich', '数据', '🙂', 'line\nbreak', 'x'.repeat(200)];
const DOUBLES = [0, 1, -1.5, 1e-7, 1e21, Number.MAX_VALUE, Number.MIN_VALUE, Infinity, -Infinity, Number.NaN];

function randomMessage(schema: MessageSchema, generator: Generator, depth: number): Message {
  const message = emptyMessage(schema);
  const chosen = new Set<FieldSchema>();
  for (const oneof of new Set(schema.fields.map((f) => f.oneof))) {
    const members = schema.fields.filter((f) => f.oneof === oneof && (depth < MAX_DEPTH || f.kind !== 'message'));
    if (oneof !== undefined && members.length > 0 && generator.chance(0.9)) chosen.add(generator.pick(members));
  }
  for (const field of schema.fields) {
    if (field.replacedBy !== undefined || (field.oneof !== undefined && !chosen.has(field))) continue;
    if (field.oneof === undefined && !generator.chance(depth <= GROUP_DEPTH ? 0.95 : 0.8)) continue;
    message[field.jsonName] = randomField(field, generator, depth);
  }
  return message;
}

function randomField(field: FieldSchema, generator: Generator, depth: number): unknown {
  if (!field.repeated) return randomValue(field, generator, depth);
  const most = depth <= GROUP_DEPTH ? 1 + generator.below(3) : generator.below(4);
  const length = depth > MAX_DEPTH ? 0 : most;
  return Array.from({ length }, () => randomValue(field, generator, depth));
}

function randomValue(field: FieldSchema, generator: Generator, depth: number): unknown {
  switch (field.kind) {
    case 'message':
      return randomMessage(field.message as MessageSchema, generator, depth + 1);
    case 'string':
      return generator.pick(WORDS) + (generator.chance(0.2) ? generator.below(1000) : '');
    case 'bytes':
      return generator.bytes(generator.below(20));
    case 'traceId':
      return generator.bytes(generator.chance(0.9) ? 16 : 0);
    case 'spanId':
      return generator.bytes(generator.chance(0.9) ? 8 : 0);
    case 'bool':
      return generator.chance(0.5);
    case 'enum':
      return generator.below((field.values as ReadonlyMap<string, number>).size);
    case 'double':
      return generator.chance(0.3) ? generator.pick(DOUBLES) : generator.random() * 1000;
    case 'int64':
    case 'sfixed64':
      return BigInt.asIntN(64, generator.bits64());
    case 'uint64':
    case 'fixed64':
      return generator.bits64();
    case 'int32':
    case 'sint32':
      return generator.pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31), generator.below(1000)]);
    default:
      return generator.pick([0, 1, 127, 128, 2 ** 32 - 1, generator.below(2 ** 32)]);
  }
}

/** An unknown field of each wire type, with a number that no OTLP message uses. */
const UNKNOWN_FIELDS = [
  Buffer.from([0xf8, 0x3f, 0x96, 0x01]),
  Buffer.from([0xf9, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8]),
  Buffer.from([0xfa, 0x3f, 3, 0x0a, 0xff, 0x12]),
  Buffer.from([0xfd, 0x3f, 1, 2, 3, 4]),
];

function looseMessage(schema: MessageSchema, message: Message, random: () => number): Buffer {
  const runs: Buffer[] = [];
  for (const field of schema.fields) {
    const value = message[field.jsonName];
    if (value === undefined || field.replacedBy !== undefined) continue;
    runs.push(looseField(schema, field, value, random));
  }
  for (const unknown of UNKNOWN_FIELDS) if (random() < 0.1) runs.push(unknown);
  for (let i = runs.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [runs[i], runs[j]] = [runs[j] as Buffer, runs[i] as Buffer];
  }
  return Buffer.concat(runs);
}

/** All values of one field; a message is written by `looseMessage`, an absent number or text now and then. */
function looseField(schema: MessageSchema, field: FieldSchema, value: unknown, random: () => number): Buffer {
  if (field.message !== undefined) {
    const carrier: FieldSchema = { ...field, kind: 'bytes', message: undefined, oneof: 'written' };
    const messages = (field.repeated ? value : [value]) as Message[];
    const encoded = messages.map((m) => looseMessage(field.message as MessageSchema, m, random));
    return encodeMessage({ ...schema, fields: [carrier] }, { [field.jsonName]: field.repeated ? encoded : encoded[0] });
  }
  const written: FieldSchema = random() < 0.5 ? { ...field, packed: false } : field;
  const optional: FieldSchema = random() < 0.2 && !field.repeated ? { ...written, optional: true } : written;
  return encodeMessage({ ...schema, fields: [optional] }, { [field.jsonName]: value });
}
