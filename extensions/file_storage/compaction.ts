import type { Segment } from '../../core/segment-log/segment.ts';
import type { SegmentLog } from '../../core/segment-log/segment-log.ts';
import type { StorageOperation } from '../../core/storage.ts';

/** So much is moved before what was asked for meanwhile gets its turn. */
const MAX_STEP = 1 << 20;
/** Segments are emptied when less than a half of all bytes is alive, the last few left aside. */
const MIN_SEGMENTS = 2;

export interface CompactionLimits {
  readonly segmentSize: number;
  /** Bytes that all files may take; 0 means no limit. */
  readonly maxSize: number;
  /** Values that are moved at a time; 0 means no limit. */
  readonly maxMoved: number;
}

/**
 * Gives space back: what is alive in the oldest segment is written anew at the end of the log, then the segment is
 * removed. Always the oldest, because a deletion counts as long as an older segment has the key. Each byte is so moved
 * about once for each byte that is freed.
 */
export class Compaction {
  readonly #log: SegmentLog;
  readonly #limits: CompactionLimits;
  readonly #onDamage: (key: string) => void;
  /** Segments with smaller numbers are emptied, whatever is alive in them. */
  #below: number;
  #under: { readonly segment: Segment; readonly keys: string[] } | undefined;

  /** `onDamage` gets the keys whose value cannot be read. */
  constructor(log: SegmentLog, limits: CompactionLimits, onDamage: (key: string) => void) {
    this.#log = log;
    this.#limits = limits;
    this.#onDamage = onDamage;
    this.#below = log.damagedBelow;
  }

  /** Empties all segments that are there now. */
  all(): void {
    this.#log.seal();
    this.#below = this.#log.next;
  }

  get wanted(): boolean {
    const { segments, live, size } = this.#log;
    const [oldest] = segments;
    if (oldest === undefined) return false;
    if (oldest.number < this.#below) return true;
    const { segmentSize, maxSize } = this.#limits;
    const dead = size - live;
    if (segments.length <= MIN_SEGMENTS) return false;
    if (dead > live + MIN_SEGMENTS * segmentSize) return true;
    // many small segments, as many restarts leave them
    if (segments.length > 2 * (MIN_SEGMENTS + size / segmentSize)) return true;
    return maxSize > 0 && size > maxSize / 2 && dead > segmentSize;
  }

  /** Does a part of the work. Nobody else writes to the log meanwhile. */
  async step(): Promise<void> {
    const [oldest] = this.#log.segments;
    if (oldest === undefined || !this.wanted) return;
    const keys = this.#keysOf(oldest);
    try {
      await this.#log.write(await this.#read(oldest, keys));
    } catch (error) {
      this.#under = undefined;
      throw error;
    }
    if (keys.length > 0) return;
    this.#under = undefined;
    // what was moved must be on the disk before its origin goes
    await this.#log.sync();
    await this.#log.dropDead();
  }

  /** Keys of the segment that are still to be looked at; what was deleted meanwhile may be among them. */
  #keysOf(segment: Segment): string[] {
    if (this.#under?.segment !== segment) {
      const keys = [...this.#log.index].filter(([, entry]) => entry.segment === segment).map(([key]) => key);
      this.#under = { segment, keys: keys.reverse() };
    }
    return this.#under.keys;
  }

  async #read(segment: Segment, keys: string[]): Promise<StorageOperation[][]> {
    const values: StorageOperation[][] = [];
    const most = this.#limits.maxMoved || Number.POSITIVE_INFINITY;
    for (let bytes = 0; keys.length > 0 && bytes < MAX_STEP && values.length < most; ) {
      const key = keys.pop()!;
      const entry = this.#log.index.get(key);
      if (entry?.segment !== segment) continue;
      const value = await this.#log.read(entry);
      if (value === undefined) this.#onDamage(key);
      else values.push([[key, value]]);
      bytes += entry.length;
    }
    return values;
  }
}
