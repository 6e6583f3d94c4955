import { crc32 } from 'node:zlib';
import type { StorageOperation, StorageValue } from '../storage.ts';

/**
 * The format of a segment: a file of records, one after another, named `<number>-<marker>.segment`. Segments are read
 * in the order of their numbers, and what a later record says of a key holds.
 *
 *   record
 *     marker   8 bytes  as in the name of the file, in hexadecimal there
 *     crc      u32      CRC-32 (zlib's) of all that follows
 *     batch    u32      how many records follow in the same batch; the top bit is set in the first one
 *     key      u32      length in bytes
 *     value    u32      length in bytes; 0xffffffff where the key was deleted
 *     key      UTF-8
 *     value
 *
 * Numbers are little-endian. The marker is random and so cannot be in a value except by chance: after damage, the next
 * record is where it comes next. A batch counts when all of its records are there.
 *
 * zlib's checksum and not CRC-32C, because Node has it in native code: 5 GB/s against some hundred MB/s.
 */
export const MARKER_LENGTH = 8;
const CRC = MARKER_LENGTH;
const BATCH = CRC + 4;
const KEY = BATCH + 4;
const VALUE = KEY + 4;
const HEADER = VALUE + 4;
const FIRST = 0x8000_0000;
const DELETED = 0xffff_ffff;

/** Lengths are of 32 bits; and reading a value takes as much memory as it has bytes. */
export const MAX_VALUE = 0x4000_0000;

const NAME = /^(\d{10})-([0-9a-f]{16})\.segment$/;

export function segmentName(number: number, marker: Buffer): string {
  return `${String(number).padStart(10, '0')}-${marker.toString('hex')}.segment`;
}

/** Undefined where the file is none of ours. */
export function parseSegmentName(name: string): { readonly number: number; readonly marker: Buffer } | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : { number: Number(match[1]), marker: Buffer.from(match[2]!, 'hex') };
}

/** A record found in a buffer: from `at` up to `end`. */
export interface Found {
  readonly key: string;
  readonly at: number;
  readonly end: number;
  /** Where the value is, up to `end`; -1 where the key was deleted. */
  readonly value: number;
  readonly first: boolean;
  readonly left: number;
}

export function valueLength(value: StorageValue): number {
  if (Buffer.isBuffer(value)) return value.length;
  let length = 0;
  for (const piece of value) length += piece.length;
  return length;
}

function recordLength(key: string, value: StorageValue | undefined): number {
  return HEADER + Buffer.byteLength(key) + (value === undefined ? 0 : valueLength(value));
}

/** Bytes that the records of these operations take. */
export function lengthOf(operations: readonly StorageOperation[]): number {
  let length = 0;
  for (const [key, value] of operations) length += recordLength(key, value);
  return length;
}

/** A record that was written to a buffer: from `at` up to `end`. */
export interface Written {
  readonly key: string;
  readonly deleted: boolean;
  readonly at: number;
  readonly end: number;
}

/** Writes batches one after another to the beginning of `out`, where there is room for them. */
export function writeBatches(
  batches: readonly (readonly StorageOperation[])[],
  out: Buffer,
  marker: Buffer,
): readonly Written[] {
  const written: Written[] = [];
  let at = 0;
  for (const operations of batches) {
    let batch = operations.length + FIRST;
    for (const [key, value] of operations) {
      batch--;
      const end = writeRecord(out, at, marker, batch, key, value);
      written.push({ key, deleted: value === undefined, at, end });
      at = end;
      batch %= FIRST;
    }
  }
  return written;
}

function writeRecord(
  out: Buffer,
  at: number,
  marker: Buffer,
  batch: number,
  key: string,
  value: StorageValue | undefined,
): number {
  marker.copy(out, at);
  out.writeUInt32LE(batch, at + BATCH);
  const keyLength = out.write(key, at + HEADER);
  out.writeUInt32LE(keyLength, at + KEY);
  let end = at + HEADER + keyLength;
  if (value === undefined) out.writeUInt32LE(DELETED, at + VALUE);
  else {
    const start = end;
    if (Buffer.isBuffer(value)) end += value.copy(out, end);
    else for (const piece of value) end += piece.copy(out, end);
    out.writeUInt32LE(end - start, at + VALUE);
  }
  out.writeUInt32LE(crc32(out.subarray(at + BATCH, end)), at + CRC);
  return end;
}

/** The record at `at`; undefined where there is no whole and undamaged one. */
export function readRecord(buffer: Buffer, at: number, marker: Buffer): Found | undefined {
  const end = declaredEnd(buffer, at, marker);
  if (end === undefined || end > buffer.length) return undefined;
  if (crc32(buffer.subarray(at + BATCH, end)) !== buffer.readUInt32LE(at + CRC)) return undefined;
  const batch = buffer.readUInt32LE(at + BATCH);
  const afterKey = at + HEADER + buffer.readUInt32LE(at + KEY);
  return {
    key: buffer.toString('utf8', at + HEADER, afterKey),
    at,
    end,
    value: buffer.readUInt32LE(at + VALUE) === DELETED ? -1 : afterKey,
    first: batch >= FIRST,
    left: batch % FIRST,
  };
}

/** Where the record at `at` says that it ends, which may be anywhere; undefined where no header is. */
function declaredEnd(buffer: Buffer, at: number, marker: Buffer): number | undefined {
  if (at + HEADER > buffer.length || marker.compare(buffer, at, at + MARKER_LENGTH) !== 0) return undefined;
  const value = buffer.readUInt32LE(at + VALUE);
  return at + HEADER + buffer.readUInt32LE(at + KEY) + (value === DELETED ? 0 : value);
}

/** Whether what is there from `at` on is the beginning of a record. */
function isTorn(buffer: Buffer, at: number, marker: Buffer): boolean {
  const known = Math.min(MARKER_LENGTH, buffer.length - at);
  if (marker.compare(buffer, at, at + known, 0, known) !== 0) return false;
  const end = declaredEnd(buffer, at, marker);
  return end === undefined || end > buffer.length;
}

export interface Damage {
  /** Records that were there and cannot be read, or whose batch is not whole. */
  readonly damaged: number;
  /** Whether the end is missing of what was written last, which is how a killed process leaves it. */
  readonly torn: boolean;
}

/** Reads a segment. `batch` gets the records of each whole batch. Total: whatever is in the buffer, it ends. */
export function scanSegment(buffer: Buffer, marker: Buffer, batch: (records: readonly Found[]) => void): Damage {
  let damaged = 0;
  let open: Found[] = [];
  const abandon = (): void => {
    damaged += open.length;
    open = [];
  };
  for (let at = 0; at < buffer.length; ) {
    const record = readRecord(buffer, at, marker);
    if (record === undefined) {
      const next = buffer.indexOf(marker, at + 1);
      if (next === -1 && isTorn(buffer, at, marker)) return { damaged, torn: true };
      abandon();
      damaged++;
      at = next === -1 ? buffer.length : next;
      continue;
    }
    if (record.first || open.at(-1)?.left !== record.left + 1) abandon();
    if (record.first || open.length > 0) open.push(record);
    else damaged++;
    if (record.left === 0 && open.length > 0) {
      batch(open);
      open = [];
    }
    at = record.end;
  }
  return { damaged, torn: open.length > 0 };
}
