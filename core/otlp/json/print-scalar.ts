import type { FieldSchema } from '../schema.ts';
import { type JsonPrinter, wordsOf } from './printer.ts';

const TRUE = wordsOf('true');
const FALSE = wordsOf('false');

/** What was read last: 64 bits in halves of 32 unsigned bits, and where reading goes on. */
let low = 0;
let high = 0;
let next = 0;

/**
 * Whether the value at `buffer[start, end)`, without tag and length, is what an absent field stands for, and so not
 * printed.
 */
export function isDefault(field: FieldSchema, buffer: Buffer, start: number, end: number): boolean {
  if (field.oneof !== undefined || field.optional) return false;
  switch (field.kind) {
    case 'string':
    case 'bytes':
      return end === start;
    case 'double':
      return buffer.readDoubleLE(start) === 0;
    case 'bool':
    case 'int64':
    case 'uint64':
      readHalves(buffer, start);
      return low === 0 && high === 0;
    case 'enum':
    case 'int32':
    case 'sint32':
    case 'uint32':
      readHalves(buffer, start);
      return low === 0;
    default:
      for (let i = start; i < end; i++) if (buffer[i] !== 0) return false;
      return true;
  }
}

/**
 * Prints the value at `buffer[start, end)`; `out` has room for a number. Returns where the next one of a packed list
 * is.
 */
export function printScalar(out: JsonPrinter, field: FieldSchema, buffer: Buffer, start: number, end: number): number {
  switch (field.kind) {
    case 'string':
      out.string(buffer, start, end);
      return end;
    case 'traceId':
    case 'spanId':
      out.hex(buffer, start, end);
      return end;
    case 'bytes':
      out.base64(buffer, start, end);
      return end;
    case 'double':
      out.double(buffer.readDoubleLE(start));
      return start + 8;
    case 'fixed64':
      out.uint64(buffer.readUInt32LE(start), buffer.readUInt32LE(start + 4));
      return start + 8;
    case 'sfixed64':
      out.int64(buffer.readUInt32LE(start), buffer.readUInt32LE(start + 4));
      return start + 8;
    case 'fixed32':
      out.digits(buffer.readUInt32LE(start));
      return start + 4;
    default:
      readHalves(buffer, start);
      printVarint(out, field);
      return next;
  }
}

/** Kinds of 32 bits take the lower half, whatever was sent. */
function printVarint(out: JsonPrinter, field: FieldSchema): void {
  switch (field.kind) {
    case 'bool':
      out.words(low === 0 && high === 0 ? FALSE : TRUE);
      return;
    case 'int64':
      out.int64(low, high);
      return;
    case 'uint64':
      out.uint64(low, high);
      return;
    case 'uint32':
      out.digits(low);
      return;
    case 'sint32':
      out.int32(((low >>> 1) | (high << 31)) ^ -(low & 1));
      return;
    default:
      out.int32(low | 0);
  }
}

function readHalves(buffer: Buffer, start: number): void {
  low = 0;
  high = 0;
  let position = start;
  let byte: number;
  let shift = 0;
  do {
    byte = buffer[position++] as number;
    const bits = byte & 0x7f;
    if (shift < 32) low |= bits << shift;
    if (shift > 24 && shift < 64) high |= shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32);
    shift += 7;
  } while (byte >= 0x80);
  low >>>= 0;
  high >>>= 0;
  next = position;
}
