import { LONGEST_PREFIX, Writer } from '../../otlp/edit/writer.ts';
import { varintSize, writeVarint } from '../../otlp/wire.ts';
import type { Label } from '../labels.ts';
import type { FamilyType } from './family.ts';

/** The tag that attributes have in the points of a family. */
const TAGS: Readonly<Record<FamilyType, number>> = {
  gauge: 0x3a,
  other: 0x3a,
  sum: 0x3a,
  summary: 0x3a,
  histogram: 0x4a,
  exponential: 0x0a,
};

const SCOPE_PREFIX = 'otel_scope_';
/** Labels that are said elsewhere. */
const ELSEWHERE: ReadonlySet<string> = new Set(['__name__', 'instance', 'job', '__scheme__', '__metrics_path__']);

/** The label that tells the parts of one point. */
const PART: Readonly<Partial<Record<FamilyType, string>>> = { histogram: 'le', exponential: 'le', summary: 'quantile' };

/** The labels of a series as the attributes of a point of such a family, valid until the next call. */
export function pointAttributes(labels: readonly Label[], type: FamilyType): Buffer {
  const part = PART[type];
  const shown = labels.filter(
    ([name, value]) => value !== '' && name !== part && !ELSEWHERE.has(name) && !name.startsWith(SCOPE_PREFIX),
  );
  writeAttributes(shown, TAGS[type]);
  return scratch.buffer.subarray(0, scratch.length);
}

/** A list of attributes whose values are texts, each with this tag, in memory of its own. */
export function encodeAttributes(labels: Iterable<Label>, tag: number): Buffer {
  writeAttributes(labels, tag);
  return scratch.toBuffer();
}

function writeAttributes(labels: Iterable<Label>, tag: number): void {
  scratch.clear();
  for (const [name, value] of labels) {
    const nameSize = Buffer.byteLength(name);
    const valueSize = Buffer.byteLength(value);
    const anySize = fieldSize(valueSize);
    scratch.reserve(4 * LONGEST_PREFIX + nameSize + valueSize);
    const { buffer } = scratch;
    let at = writeHead(buffer, scratch.length, tag, fieldSize(nameSize) + fieldSize(anySize));
    at = writeHead(buffer, at, KEY, nameSize);
    at += buffer.write(name, at);
    at = writeHead(buffer, at, VALUE, anySize);
    at = writeHead(buffer, at, STRING, valueSize);
    scratch.length = at + buffer.write(value, at);
  }
}

const KEY = 0x0a;
const VALUE = 0x12;
const STRING = 0x0a;
const scratch = new Writer();

const fieldSize = (size: number): number => 1 + varintSize(size) + size;

function writeHead(buffer: Buffer, at: number, tag: number, size: number): number {
  buffer[at] = tag;
  return writeVarint(buffer, at + 1, size);
}

export const stringField = (tag: number, text: string): Buffer => field(tag, Buffer.from(text));

/** Bytes as a field with a tag of one byte. */
export function field(tag: number, content: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + varintSize(content.length) + content.length);
  bytes[0] = tag;
  content.copy(bytes, writeVarint(bytes, 1, content.length));
  return bytes;
}
