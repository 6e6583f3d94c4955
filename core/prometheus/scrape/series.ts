import { grown } from '../../series/columns.ts';
import { KeyRows } from '../../series/key-rows.ts';
import { KeyWriter } from '../../series/key-writer.ts';
import type { Labels } from '../labels.ts';
import type { Sample } from '../parse/page.ts';
import type { SeriesName } from './series-name.ts';

/** What is known of a series. */
export const State = { NEW: 0, DROPPED: 1, KEPT: 2 } as const;

const INITIAL = 16;

/**
 * The series of one target, known by the bytes that stand for them on its pages: which were there in the last scrape,
 * and what was found out about them, so that labels are read and changed only once.
 */
export class SeriesTable {
  readonly #rows = new KeyRows();
  readonly #key: KeyWriter;
  names: SeriesName[] = [];
  states = new Uint8Array(INITIAL);
  /** The iteration in which the series was seen last. */
  seen = new Uint32Array(INITIAL);
  /** The row in Groups, and for which family this holds: 0 for none. */
  groups = new Int32Array(INITIAL);
  shapes = new Int32Array(INITIAL);
  /** The bound of a bucket or the quantile; NaN where the label is missing. */
  bounds = new Float64Array(INITIAL);
  /** Of the labels: the same where they are the same. */
  identities = new Float64Array(INITIAL);
  /** 1 where a stale marker is due once the series is gone. */
  tracked = new Uint8Array(INITIAL);
  /** The same of the scrape before. */
  trackedBefore = new Uint8Array(INITIAL);
  /** 1 where a point was made of it, ever. */
  known = new Uint8Array(INITIAL);
  /** 1 for a native histogram. */
  native = new Uint8Array(INITIAL);
  /** Of the few series whose labels are needed again. */
  labels = new Map<number, Labels>();

  constructor(seed: number) {
    this.#key = new KeyWriter(seed);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row of the sample's series; -1 for one that is not there. */
  find({ buffer, start, end }: Pick<Sample, 'buffer' | 'start' | 'end'>): number {
    const key = this.#key;
    key.begin();
    key.copy(buffer, start, end);
    key.finish();
    return this.#rows.find(key);
  }

  /** A row for the series that was last looked for in vain. */
  add(): number {
    const size = this.size + 1;
    this.states = grown(this.states, size);
    this.seen = grown(this.seen, size);
    this.groups = grown(this.groups, size);
    this.shapes = grown(this.shapes, size);
    this.bounds = grown(this.bounds, size);
    this.identities = grown(this.identities, size);
    this.tracked = grown(this.tracked, size);
    this.trackedBefore = grown(this.trackedBefore, size);
    this.known = grown(this.known, size);
    this.native = grown(this.native, size);
    const row = this.#rows.add(this.#key);
    this.reset(row);
    this.tracked[row] = 0;
    this.trackedBefore[row] = 0;
    return row;
  }

  /** As if the series was not known. */
  reset(row: number): void {
    this.states[row] = State.NEW;
    this.known[row] = 0;
    this.groups[row] = 0;
    this.shapes[row] = 0;
    this.native[row] = 0;
    this.labels.delete(row);
  }

  /** The bytes that stand for a series. */
  bytesOf(row: number): Buffer {
    const start = this.#rows.startOf(row);
    const bytes = this.#rows.bytesOf(row);
    return bytes.subarray(start + KEY_HEAD, start + bytes.readInt32LE(start));
  }

  /** Another scrape begins: what was tracked is what was there before. */
  swap(): void {
    const before = this.trackedBefore;
    this.trackedBefore = this.tracked;
    this.tracked =
      before.length < this.trackedBefore.length ? new Uint8Array(this.trackedBefore.length) : before.fill(0);
  }

  /** The rows that were there in the scrape before and are not in this one. */
  *disappeared(): Generator<number> {
    for (let row = 0; row < this.size; row++) {
      if (this.trackedBefore[row] === 1 && this.tracked[row] === 0) yield row;
    }
  }

  /** The identities of those that were there in this scrape. */
  present(): Set<number> {
    const present = new Set<number>();
    for (let row = 0; row < this.size; row++) {
      if (this.tracked[row] === 1) present.add(this.identities[row] as number);
    }
    return present;
  }

  /** Forgets the series that were last seen before an iteration. */
  expire(iteration: number): void {
    const kept = this.#rows.filter((row) => (this.seen[row] as number) >= iteration || this.tracked[row] === 1);
    if (kept === undefined) return;
    const pick = <A extends Float64Array | Int32Array | Uint32Array | Uint8Array>(column: A): A =>
      column.constructor === Float64Array
        ? (Float64Array.from(kept, (row) => column[row] as number) as A)
        : ((column.constructor as Uint8ArrayConstructor).from(kept, (row) => column[row] as number) as A);
    this.names = kept.map((row) => this.names[row] as SeriesName);
    this.states = pick(this.states);
    this.seen = pick(this.seen);
    this.groups = pick(this.groups);
    this.shapes = pick(this.shapes);
    this.bounds = pick(this.bounds);
    this.identities = pick(this.identities);
    this.tracked = pick(this.tracked);
    this.trackedBefore = pick(this.trackedBefore);
    this.known = pick(this.known);
    this.native = pick(this.native);
    const labels = new Map<number, Labels>();
    for (const [row, old] of kept.entries()) {
      const of = this.labels.get(old);
      if (of !== undefined) labels.set(row, of);
    }
    this.labels = labels;
  }
}

/** The length of the key. */
const KEY_HEAD = 4;
