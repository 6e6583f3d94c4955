import type { Writer } from '../otlp/edit/writer.ts';
import type { Attributes } from '../otlp/readers/attributes.ts';
import { ValueReader, ValueType, valueText } from '../otlp/value.ts';

/**
 * An attribute in Jaeger's protobuf. Fields that are zero or empty are not written.
 *
 *   KeyValue: key 1 string, v_type 2 enum, v_str 3 string, v_bool 4 bool, v_int64 5 int64, v_float64 6 double,
 *             v_binary 7 bytes
 *
 * Source: https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/model.proto
 */
const Tag = {
  KEY: (1 << 3) | 2,
  TYPE: 2 << 3,
  STRING: (3 << 3) | 2,
  BOOL: 4 << 3,
  INT: 5 << 3,
  DOUBLE: (6 << 3) | 1,
  BINARY: (7 << 3) | 2,
} as const;

/** Values of `v_type`; a string is 0. */
const Type = { BOOL: 1, INT: 2, DOUBLE: 3, BINARY: 4 } as const;

const value = new ValueReader();

/** All attributes of a list, each as a field with this tag; those with the key `except` are left out. */
export function writeAttributes(writer: Writer, tag: number, list: Attributes, except?: Buffer): void {
  list.rewind();
  while (list.next()) if (except === undefined || !list.keyIs(except)) writeAttribute(writer, tag, list);
}

/** A tag with a text, or with true. */
export function writeTag(writer: Writer, tag: number, key: string, text: Buffer | true): void {
  writer.open(tag, 32);
  writer.field(Tag.KEY, Buffer.from(key));
  if (text !== true) writeBytes(writer, Tag.STRING, text, 0, text.length);
  else {
    writeNumber(writer, Tag.TYPE, Type.BOOL);
    writeNumber(writer, Tag.BOOL, 1);
  }
  writer.close();
}

/** A field of bytes; none where they are empty. */
export function writeBytes(writer: Writer, tag: number, buffer: Buffer, start: number, end: number): void {
  if (start >= end) return;
  writer.varint(tag);
  writer.varint(end - start);
  writer.copy(buffer, start, end);
}

export function writeNumber(writer: Writer, tag: number, number: number): void {
  writer.varint(tag);
  writer.varint(number);
}

function writeAttribute(writer: Writer, tag: number, { buffer, keyStart, keyEnd, valueStart, valueEnd }: Attributes) {
  writer.open(tag, keyEnd - keyStart + valueEnd - valueStart + 2);
  writeBytes(writer, Tag.KEY, buffer, keyStart, keyEnd);
  value.read(buffer, valueStart, valueEnd);
  switch (value.type) {
    case ValueType.STRING:
      writeBytes(writer, Tag.STRING, buffer, value.start, value.end);
      break;
    case ValueType.BYTES:
      writeNumber(writer, Tag.TYPE, Type.BINARY);
      writeBytes(writer, Tag.BINARY, buffer, value.start, value.end);
      break;
    case ValueType.ARRAY:
    case ValueType.MAP: {
      const text = Buffer.from(valueText(buffer, valueStart, valueEnd));
      writeBytes(writer, Tag.STRING, text, 0, text.length);
      break;
    }
    case ValueType.BOOL:
    case ValueType.INT:
    case ValueType.DOUBLE:
      writeScalar(writer);
  }
  writer.close();
}

/** The bytes of the value are the same in both formats. */
function writeScalar(writer: Writer): void {
  const { type, buffer, start, end } = value;
  writeNumber(writer, Tag.TYPE, type === ValueType.BOOL ? Type.BOOL : type === ValueType.INT ? Type.INT : Type.DOUBLE);
  if (type === ValueType.DOUBLE ? value.double === 0 : value.int === 0n) return;
  writer.varint(type === ValueType.BOOL ? Tag.BOOL : type === ValueType.INT ? Tag.INT : Tag.DOUBLE);
  writer.copy(buffer, start, end);
}
