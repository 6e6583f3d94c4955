import type { Signal } from '../../signal.ts';
import { MAX_NESTING } from '../nesting.ts';
import type { MessageSchema } from '../schema.ts';
import { next, readVarint } from '../wire.ts';
import { MalformedError } from './malformed.ts';
import {
  Action,
  ITEM,
  KEY_VALUE_KIND,
  KIND_MASK,
  KINDS,
  LEGACY_SCOPES,
  LEGACY_SCOPES_ACTION,
  MESSAGE,
  REPLACES,
  REQUEST_KIND,
  TABLE,
  UNKNOWN_ACTIONS,
} from './table.ts';

const LONGEST_VARINT = 10;
const LARGEST_FIELD = 0x1fff_ffff;

/** One walk at a time, so module variables do. */
let items = 0;
let origin = 0;
let signalWalked: Signal = 'traces';

/** True after a walk that met scope groups under their number of OTLP 0.15; their items are not counted. */
export let legacy = false;

/**
 * The scan in TypeScript: the reference for the WebAssembly kernel, and what names the place and reason of a refusal.
 *
 * Reading past the end of a message is noticed late, not prevented: positions only grow, so whoever read past the
 * end is beyond it when the loop ends, and a nested message is entered only when it lies inside.
 */
export function walkRequest(signal: Signal, buffer: Buffer, start: number, end: number): number {
  items = 0;
  legacy = false;
  origin = start;
  signalWalked = signal;
  walk(buffer, start, end, REQUEST_KIND[signal], 1);
  return items;
}

function walk(buffer: Buffer, start: number, end: number, kind: number, depth: number): void {
  if (depth > MAX_NESTING) refuse(start, `messages are nested deeper than ${MAX_NESTING}`);
  const row = kind << 8;
  const itemsBefore = items;
  let position = start;
  while (position < end) {
    const at = position;
    let tag = buffer[position++] as number;
    let action = TABLE[row | tag] as number;
    if (tag > 0x7f) {
      tag = readTag(buffer, at);
      position = next;
      action = tag > 0xff ? highAction(tag, kind) : (TABLE[row | tag] as number);
    }
    switch (action) {
      case Action.VARINT:
        position = pastVarint(buffer, position);
        break;
      case Action.FIXED64:
        position += 8;
        break;
      case Action.FIXED32:
        position += 4;
        break;
      case Action.REFUSE:
        refuse(at, describe(kind, tag));
        break;
      default: {
        let length = buffer[position++] as number;
        if (length > 0x7f) {
          length = readLength(buffer, position - 1);
          position = next;
        }
        const from = position;
        position += length;
        if (action === Action.BYTES) break;
        if (position > end) refuseEnd(at);
        if (action === Action.KEY_VALUE) {
          if (!isPlainKeyValue(buffer, from, position)) walk(buffer, from, position, KEY_VALUE_KIND, depth + 1);
        } else if (action < MESSAGE) checkLeaf(buffer, from, position, action, at);
        else {
          if (action >= ITEM) {
            if (action >= REPLACES) items = itemsBefore;
            else items++;
          }
          walk(buffer, from, position, action & KIND_MASK, depth + 1);
        }
      }
    }
  }
  if (position !== end) refuseEnd(start);
}

/**
 * Key and value in this order, lengths of one byte, a value of text, bool, integer or double: nearly all there are.
 * Anything else is left to the general walk, so false means nothing.
 */
function isPlainKeyValue(buffer: Buffer, start: number, end: number): boolean {
  const keyLength = buffer[start + 1] as number;
  if (buffer[start] !== 0x0a || keyLength > 0x7f) return false;
  const at = start + 2 + keyLength;
  const valueLength = buffer[at + 1] as number;
  // this equality also shows that nothing read so far lies beyond the end
  if (buffer[at] !== 0x12 || valueLength > 0x7f || at + 2 + valueLength !== end) return false;
  switch (buffer[at + 2]) {
    case 0x0a:
      return (buffer[at + 3] as number) === valueLength - 2;
    case 0x10:
    case 0x18:
      return valueLength > 1 && valueLength <= 1 + LONGEST_VARINT && pastVarint(buffer, at + 3) === end;
    case 0x21:
      return valueLength === 9;
    default:
      return false;
  }
}

function checkLeaf(buffer: Buffer, start: number, end: number, action: number, at: number): void {
  const length = end - start;
  if (action === Action.TRACE_ID) {
    if (length !== 0 && length !== 16) refuse(at, `trace id of ${length} bytes, expected 16 or none`);
  } else if (action === Action.SPAN_ID) {
    if (length !== 0 && length !== 8) refuse(at, `span id of ${length} bytes, expected 8 or none`);
  } else if (action === Action.PACKED_FIXED64) {
    if (length % 8 !== 0) refuse(at, `packed 64-bit numbers of ${length} bytes, expected a multiple of 8`);
  } else {
    let position = start;
    while (position < end) position = pastVarint(buffer, position);
    if (position !== end) refuseEnd(at);
  }
}

function pastVarint(buffer: Buffer, start: number): number {
  let position = start;
  while ((buffer[position++] as number) > 0x7f);
  if (position - start > LONGEST_VARINT) refuse(start, `number of more than ${LONGEST_VARINT} bytes`);
  return position;
}

function readLength(buffer: Buffer, at: number): number {
  const length = readVarint(buffer, at);
  if (next - at > LONGEST_VARINT) refuse(at, `length of more than ${LONGEST_VARINT} bytes`);
  return length;
}

/** A tag of several bytes; one that could be shorter is accepted, as by every protobuf reader. */
function readTag(buffer: Buffer, at: number): number {
  const tag = readLength(buffer, at);
  if (Math.floor(tag / 8) > LARGEST_FIELD) refuse(at, 'field number over 2^29 - 1');
  return tag;
}

function highAction(tag: number, kind: number): number {
  if (LEGACY_SCOPES_ACTION[kind] === 0 || tag >>> 3 !== LEGACY_SCOPES >>> 3) return UNKNOWN_ACTIONS[tag & 7] as number;
  legacy = true;
  return tag === LEGACY_SCOPES ? (LEGACY_SCOPES_ACTION[kind] as number) : Action.REFUSE;
}

function describe(kind: number, tag: number): string {
  const schema = KINDS[kind] as MessageSchema;
  const field = schema.byNumber.get(tag >>> 3);
  if (field !== undefined) return `${schema.name}.${field.name} has wire type ${tag & 7}, expected ${field.wireType}`;
  if (tag >>> 3 === 0) return 'field number 0';
  return `field ${tag >>> 3} of ${schema.name} has wire type ${tag & 7}, which OTLP does not use`;
}

function refuseEnd(at: number): never {
  refuse(at, 'a field reaches beyond the end of its message');
}

function refuse(at: number, reason: string): never {
  throw new MalformedError(signalWalked, at - origin, reason);
}
