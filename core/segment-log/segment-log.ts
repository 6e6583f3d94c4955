import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { StorageOperation } from '../storage.ts';
import {
  lengthOf,
  MARKER_LENGTH,
  parseSegmentName,
  readRecord,
  scanSegment,
  segmentName,
  writeBatches,
} from './record.ts';
import { type Files, Segment } from './segment.ts';

/** Only the owner reads what was on its way through the pipeline. */
const FILE_MODE = 0o600;

/** What a write buffer is larger than it needs to be, so that it is not made anew for each larger write. */
const SPARE = 256 << 10;
/** A write buffer that grew for large values is let go of. */
const MAX_BUFFER = 8 << 20;

/** Where the value of a key is: in the record `[at, at + length)`. */
export interface Entry {
  readonly segment: Segment;
  readonly at: number;
  readonly length: number;
}

export interface Recovered {
  readonly damaged: number;
  /** Segments whose end is missing, as after a kill. */
  readonly torn: number;
  /** Files that could not be read at all, with the reason. They stay where they are. */
  readonly unreadable: readonly string[];
}

/** The segments of one folder and which record holds what each key has. Callers take care that calls do not overlap. */
export class SegmentLog {
  readonly index = new Map<string, Entry>();
  /** Oldest first. Writing goes to the last one where it is `#active`. */
  readonly segments: Segment[] = [];
  readonly #folder: string;
  readonly #files: Files;
  readonly #segmentSize: number;
  readonly #fsync: boolean;
  #buffer = Buffer.allocUnsafeSlow(SPARE);
  #active: Segment | undefined;
  #next = 1;
  #live = 0;
  #damagedBelow = 0;

  /** A segment is full from `segmentSize` bytes on. */
  constructor(folder: string, segmentSize: number, fsync: boolean, files: Files) {
    this.#folder = folder;
    this.#segmentSize = segmentSize;
    this.#fsync = fsync;
    this.#files = files;
  }

  /** Bytes of the records that hold what keys have now. */
  get live(): number {
    return this.#live;
  }

  /** Bytes of all files. */
  get size(): number {
    let size = 0;
    for (const segment of this.segments) size += segment.size;
    return size;
  }

  /** Segments with smaller numbers are best emptied: there was damage among them when they were read. */
  get damagedBelow(): number {
    return this.#damagedBelow;
  }

  /** The number that the next segment will have. */
  get next(): number {
    return this.#next;
  }

  /** Reads what an earlier process left. Whatever is in the files, it ends well; what cannot be read is passed over. */
  async recover(): Promise<Recovered> {
    const names = (await this.#files.readdir(this.#folder)).sort();
    const unreadable: string[] = [];
    let damaged = 0;
    let torn = 0;
    for (const name of names) {
      const parsed = parseSegmentName(name);
      if (parsed === undefined) continue;
      this.#next = Math.max(this.#next, parsed.number + 1);
      try {
        const found = await this.#recoverSegment(join(this.#folder, name), parsed.number, parsed.marker);
        damaged += found.damaged;
        if (found.damaged > 0) this.#damagedBelow = parsed.number + 1;
        if (found.torn) torn++;
      } catch (error) {
        unreadable.push(`${name}: ${(error as Error).message}`);
      }
    }
    return { damaged, torn, unreadable };
  }

  /**
   * Appends batches, each with all of its operations or not at all. When it resolves they survive the end of the
   * process and hold from then on; when it rejects it is as if they had never been.
   */
  async write(batches: readonly (readonly StorageOperation[])[]): Promise<void> {
    let length = 0;
    for (const operations of batches) length += lengthOf(operations);
    if (length === 0) return;
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length + SPARE);
    const segment = await this.#writable();
    const written = writeBatches(batches, this.#buffer, segment.marker);
    await this.#append(segment, length);
    const start = segment.size - length;
    for (const { key, deleted, at, end } of written) {
      this.delete(key);
      if (!deleted) this.#set(key, { segment, at: start + at, length: end - at });
    }
    if (this.#buffer.length > MAX_BUFFER) this.#buffer = Buffer.allocUnsafeSlow(SPARE);
  }

  /** Makes a key be gone in memory, without a word of it in the files. */
  delete(key: string): void {
    const entry = this.index.get(key);
    if (entry === undefined) return;
    this.index.delete(key);
    entry.segment.live -= entry.length;
    this.#live -= entry.length;
  }

  /** The value, or undefined where the record was damaged since it was written. */
  async read({ segment, at, length }: Entry): Promise<Buffer | undefined> {
    const bytes = await segment.read(at, length);
    const record = readRecord(bytes, 0, segment.marker);
    return record === undefined || record.value < 0 ? undefined : bytes.subarray(record.value, record.end);
  }

  /** Afterwards what was appended survives a power failure. */
  async sync(): Promise<void> {
    if (!this.#fsync) await this.#active?.file.datasync();
  }

  /** Writing goes on in a new segment. */
  seal(): void {
    this.#active = undefined;
  }

  /** Ends the segment that is written to if it holds nothing: removing it makes room on a full disk. */
  sealDead(): void {
    if (this.#active !== undefined && this.#active.live === 0 && this.#active.size > 0) this.seal();
  }

  /** Removes segments that hold nothing. Oldest first: a deletion counts as long as older segments have the key. */
  async dropDead(): Promise<void> {
    for (;;) {
      const [oldest] = this.segments;
      if (oldest === undefined || oldest === this.#active || oldest.live > 0) return;
      try {
        await this.#files.unlink(oldest.path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
      this.segments.shift();
      await oldest.close();
    }
  }

  async close(): Promise<void> {
    this.seal();
    if (this.#live === 0) await this.dropDead().catch(() => {});
    for (const segment of this.segments) await segment.close();
  }

  #set(key: string, entry: Entry): void {
    this.index.set(key, entry);
    entry.segment.live += entry.length;
    this.#live += entry.length;
  }

  /** The segment to which the next records go. */
  async #writable(): Promise<Segment> {
    if (this.#active !== undefined && this.#active.size < this.#segmentSize) return this.#active;
    const marker = randomBytes(MARKER_LENGTH);
    const path = join(this.#folder, segmentName(this.#next, marker));
    const file = await this.#files.open(path, 'wx+', FILE_MODE);
    const segment = new Segment(this.#next, path, marker, file, 0);
    this.#next++;
    this.segments.push(segment);
    this.#active = segment;
    if (this.#fsync) await this.#syncFolder();
    return segment;
  }

  async #append(segment: Segment, length: number): Promise<void> {
    try {
      await segment.write(this.#buffer, length);
      if (this.#fsync) await segment.file.datasync();
    } catch (error) {
      await this.#takeBack(segment);
      throw error;
    }
    segment.size += length;
  }

  async #recoverSegment(path: string, number: number, marker: Buffer) {
    const file = await this.#files.open(path, 'r');
    let segment: Segment | undefined;
    try {
      const bytes = await this.#files.readFile(file);
      const found = new Segment(number, path, marker, file, bytes.length);
      const damage = scanSegment(bytes, marker, (batch) => {
        for (const { key, at, end, value } of batch) {
          this.delete(key);
          if (value >= 0) this.#set(key, { segment: found, at, length: end - at });
        }
      });
      segment = found;
      this.segments.push(segment);
      return damage;
    } finally {
      if (segment === undefined) await file.close();
    }
  }

  /** After a failed write: what was written of it must not be found later. Where that fails too, the segment ends. */
  async #takeBack(segment: Segment): Promise<void> {
    try {
      await segment.file.truncate(segment.size);
    } catch {
      this.seal();
    }
  }

  async #syncFolder(): Promise<void> {
    const folder = await this.#files.open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
