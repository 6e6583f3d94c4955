import type { FieldKind } from '../schema.ts';
import { writeBase64 } from './base64.ts';
import { Char, HEX_VALUE } from './chars.ts';
import { readDouble } from './doubles.ts';
import { high, low, readInt32, readInt64, readUint32, readUint64 } from './integers.ts';
import type { FieldPlan } from './plan.ts';
import type { Scanner } from './scanner.ts';
import type { ProtoWriter } from './writer.ts';

/**
 * Reads the value of a field that is no message and writes the field, or nothing for the default value unless `keep`.
 * `out` has room for the rest of the input and one scalar.
 */
export function writeField(input: Scanner, out: ProtoWriter, field: FieldPlan, keep: boolean): void {
  const start = out.length;
  out.varint(field.tag);
  const isDefault = field.kind === 'string' ? !writeString(input, out) : !writeValue(input, out, field);
  if (isDefault && !keep) out.length = start;
}

/** Returns whether the string has any bytes. */
function writeString(input: Scanner, out: ProtoWriter): boolean {
  const start = out.open(1);
  out.length = input.copyString(out.bytes, start);
  const filled = out.length > start;
  out.close(start, 1);
  return filled;
}

/** Returns whether the value differs from the default of its kind. */
function writeValue(input: Scanner, out: ProtoWriter, field: FieldPlan): boolean {
  switch (field.kind) {
    case 'bool': {
      const value = input.boolean();
      out.varint(value ? 1 : 0);
      return value;
    }
    case 'enum':
      return writeInt32(out, readEnum(input, field));
    case 'traceId':
      return writeId(input, out, 16);
    case 'spanId':
      return writeId(input, out, 8);
    case 'bytes':
      return writeBase64(input, out);
    default:
      return writeNumber(input, out, field.kind);
  }
}

/** Without a tag, as in packed lists too. Returns whether it is not zero. */
export function writeNumber(input: Scanner, out: ProtoWriter, kind: FieldKind): boolean {
  switch (kind) {
    case 'fixed64':
      readUint64(input);
      return writeFixed64(out);
    case 'sfixed64':
      readInt64(input);
      return writeFixed64(out);
    case 'uint64':
      readUint64(input);
      return writeVarint64(out);
    case 'int64':
      readInt64(input);
      return writeVarint64(out);
    case 'double': {
      const value = readDouble(input);
      out.double(value);
      return value !== 0;
    }
    case 'int32':
      return writeInt32(out, readInt32(input));
    case 'sint32': {
      const value = readInt32(input);
      out.varint(((value << 1) ^ (value >> 31)) >>> 0);
      return value !== 0;
    }
    case 'uint32': {
      const value = readUint32(input);
      out.varint(value);
      return value !== 0;
    }
    case 'fixed32': {
      const value = readUint32(input);
      out.fixed32(value);
      return value !== 0;
    }
    default:
      throw new Error(`${kind} is not a number`);
  }
}

function writeFixed64(out: ProtoWriter): boolean {
  out.fixed32(low);
  out.fixed32(high);
  return low !== 0 || high !== 0;
}

function writeVarint64(out: ProtoWriter): boolean {
  out.varint64(low, high);
  return low !== 0 || high !== 0;
}

/** Negative numbers as 64 bits, as protobuf has it. */
function writeInt32(out: ProtoWriter, value: number): boolean {
  out.varint64(value >>> 0, value < 0 ? 0xffff_ffff : 0);
  return value !== 0;
}

/** The collector's table has this name with a space at its end, so that the right one is refused; ours has both. */
const MISSPELLED = 'SEVERITY_NUMBER_TRACE ';

function readEnum(input: Scanner, field: FieldPlan): number {
  if (input.peek() !== Char.QUOTE) return readInt32(input);
  const start = input.position;
  const name = input.string();
  const value = field.schema.values?.get(name === MISSPELLED ? name.trimEnd() : name);
  if (value === undefined) throw input.failure(`unknown name ${JSON.stringify(name)}`, start);
  return value;
}

/** Hex digits of either case, or an empty string for no id. Returns whether any bit is set. */
function writeId(input: Scanner, out: ProtoWriter, size: number): boolean {
  if (input.token() !== Char.QUOTE) throw input.unexpected('a string');
  const { bytes, position: start } = input;
  const { bytes: target } = out;
  if (bytes[start] === Char.QUOTE) {
    input.position++;
    out.varint(0);
    return false;
  }
  out.varint(size);
  let bits = 0;
  let from = start;
  for (let i = 0; i < size; i++, from += 2) {
    const upper = HEX_VALUE[bytes[from] as number] as number;
    const lower = HEX_VALUE[bytes[from + 1] as number] as number;
    if (!((upper | lower) <= 15)) throw wrongId(input, start, size);
    target[out.length++] = (upper << 4) | lower;
    bits |= upper | lower;
  }
  if (bytes[from] !== Char.QUOTE) throw wrongId(input, start, size);
  input.position = from + 1;
  return bits !== 0;
}

/** What is wrong with the id that begins at `start`. */
function wrongId(input: Scanner, start: number, size: number): Error {
  input.position = start - 1;
  const digits = input.raw();
  if (digits.length !== size * 2) {
    return input.failure(`expected ${size * 2} hex digits, found ${digits.length} characters`, start);
  }
  return input.failure('expected a hex digit', start + digits.findIndex((digit) => (HEX_VALUE[digit] as number) > 15));
}
