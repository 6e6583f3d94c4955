import type { Signal } from '../signal.ts';
import type { StorageValue } from '../storage.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../telemetry/context.ts';
import { Telemetry } from '../telemetry/telemetry.ts';

/**
 * A request as a storage extension keeps it.
 *
 *   key     index, items and bytes in decimal with '/' between, so that the size of a queue is known without reading it
 *   value   version u8 = 1, length of the context u32 (little-endian), the context as JSON, the bytes of the batch
 *
 * The context is what the client told: metadata, transport, address. What an authenticator said of it is not written.
 */
const VERSION = 1;
const HEAD = 5;
const KEY = /^(\d+)\/(\d+)\/(\d+)$/;

export interface StoredKey {
  /** In the order of arrival. */
  readonly index: number;
  readonly items: number;
  readonly bytes: number;
}

export function formatKey({ index, items, bytes }: StoredKey): string {
  return `${index}/${items}/${bytes}`;
}

/** Undefined where the key is none of ours. */
export function parseKey(key: string): StoredKey | undefined {
  const match = KEY.exec(key);
  return match === null ? undefined : { index: Number(match[1]), items: Number(match[2]), bytes: Number(match[3]) };
}

interface ContextJson {
  readonly transport: string;
  readonly address?: string;
  readonly metadata?: readonly (readonly [string, readonly string[]])[];
}

/** The value without a copy of the batch's bytes; valid as long as the batch is held. */
export function encodeRequest(batch: Telemetry): StorageValue {
  return [headOf(batch.context), ...batch.ranges.map(({ buffer, start, end }) => buffer.subarray(start, end))];
}

let lastContext: RequestContext = EMPTY_CONTEXT;
let lastHead = makeHead(EMPTY_CONTEXT);

/** Requests of one connection have the same context, one after another. */
function headOf(context: RequestContext): Buffer {
  if (context !== lastContext) {
    lastHead = makeHead(context);
    lastContext = context;
  }
  return lastHead;
}

function makeHead({ transport, address, metadata }: RequestContext): Buffer {
  const known: ContextJson = {
    transport,
    ...(address === undefined ? {} : { address }),
    ...(metadata.size === 0 ? {} : { metadata: [...metadata] }),
  };
  const json = Buffer.from(JSON.stringify(known));
  const head = Buffer.alloc(HEAD);
  head.writeUInt8(VERSION, 0);
  head.writeUInt32LE(json.length, 1);
  return Buffer.concat([head, json]);
}

/** @throws Error where the value is none of ours. */
export function decodeRequest(signal: Signal, { items, bytes }: StoredKey, value: Buffer): Telemetry {
  if (value.length < HEAD || value[0] !== VERSION) throw new Error('unknown format');
  const start = HEAD + value.readUInt32LE(1);
  if (value.length - start !== bytes) throw new Error('unexpected length');
  return Telemetry.of(signal, value.subarray(start), items, contextOf(value.toString('utf8', HEAD, start)));
}

function contextOf(json: string): RequestContext {
  const { transport, address, metadata } = JSON.parse(json) as ContextJson;
  return Object.freeze({
    transport,
    metadata: new Map(metadata ?? []),
    ...(address === undefined ? {} : { address }),
  });
}
