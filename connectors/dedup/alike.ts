import { grown } from '../../core/series/columns.ts';
import { MOST_EVIDENCE } from '../../core/stream/alert.ts';
import type { StateReader, StateWriter } from '../../core/stream/codec.ts';
import type { Aggregation } from '../../core/stream/window/windowing.ts';
import type { Config } from './config.ts';

/** The records of a window that are alike. Times in milliseconds. */
export interface Alike {
  count: number;
  earliest: number;
  latest: number;
  /** Arrivals in the partition are numbered. */
  first: number;
  last: number;
  /** The one that stands for all: a ResourceLogs field with one record, as bytes in a latin1 string. */
  kept: string;
  /** What they say is their evidence, without repetitions, not more than an alert may name. */
  evidence: readonly string[];
}

/** A record that came in. */
export interface Arrival {
  time: number;
  evidence: readonly string[];
  /** The record with its resource and scope, copied. */
  copy: () => Buffer;
}

/** With the slice and its part of the key, and one id with its text, as measured. */
const ALIKE_BYTES = 260;
const EVIDENCE_BYTES = 60;
const NOTHING: readonly string[] = [];
/** Of no records. */
const NONE: Alike = {
  ...{ count: 0, earliest: Number.POSITIVE_INFINITY, latest: Number.NEGATIVE_INFINITY },
  ...{ first: Number.POSITIVE_INFINITY, last: -1, kept: '', evidence: NOTHING },
};
/** Of a row: count, earliest, latest, first, last. */
type Row = readonly [number, number, number, number, number];
const STRIDE = 5;

export class AlikeAggregation implements Aggregation<Arrival> {
  readonly #keep: Config['keep'];
  #numbers = new Float64Array(0);
  readonly #kept: string[] = [];
  readonly #evidence: (readonly string[])[] = [];
  /** The number of the next one: what is said of order holds within a run of the process and after a restart. */
  #arrivals = 0;

  constructor(keep: Config['keep']) {
    this.#keep = keep;
  }

  begin(row: number): void {
    this.#put(row, NONE);
  }

  add(row: number, { time, evidence, copy }: Arrival): void {
    const into = this.at(row);
    const number = this.#arrivals++;
    if (this.#isBetter(into, time, time, number, number)) into.kept = copy().toString('latin1');
    widen(into, 1, time, time, number, number);
    addEvidence(into, evidence);
    this.#put(row, into);
  }

  merge(row: number, other: number): void {
    const [into, from] = [this.at(row), this.at(other)];
    if (this.#isBetter(into, from.earliest, from.latest, from.first, from.last)) into.kept = from.kept;
    widen(into, from.count, from.earliest, from.latest, from.first, from.last);
    addEvidence(into, from.evidence);
    this.#put(row, into);
  }

  size(row: number): number {
    return ALIKE_BYTES + (this.#kept[row] as string).length + (this.#evidence[row]?.length ?? 0) * EVIDENCE_BYTES;
  }

  end(row: number): void {
    this.#put(row, NONE);
  }

  /** What the row has, which has begun and not ended, as it is now. */
  at(row: number): Alike {
    const at = row * STRIDE;
    const [count, earliest, latest, first, last] = this.#numbers.subarray(at, at + STRIDE) as unknown as Row;
    const [kept, evidence] = [this.#kept[row] as string, this.#evidence[row] as readonly string[]];
    return { count, earliest, latest, first, last, kept, evidence };
  }

  encode(row: number, to: StateWriter): void {
    const { count, earliest, latest, first, last, kept, evidence } = this.at(row);
    to.double(count).double(earliest).double(latest).double(first).double(last);
    to.bytes(Buffer.from(kept, 'latin1')).uint32(evidence.length);
    for (const id of evidence) to.text(id);
  }

  decode(row: number, from: StateReader): void {
    const [count, earliest, latest] = [from.double(), from.double(), from.double()];
    const [first, last, kept] = [from.double(), from.double(), from.bytes().toString('latin1')];
    const evidence = Array.from({ length: from.uint32() }, () => from.text());
    this.#put(row, { count, earliest, latest, first, last, kept, evidence });
    this.#arrivals = Math.max(this.#arrivals, last + 1);
  }

  #put(row: number, { count, earliest, latest, first, last, kept, evidence }: Alike): void {
    const at = row * STRIDE;
    if (at + STRIDE > this.#numbers.length) this.#numbers = grown(this.#numbers, at + STRIDE);
    this.#numbers.set([count, earliest, latest, first, last], at);
    this.#kept[row] = kept;
    this.#evidence[row] = evidence;
  }

  /** Whether the other's record stands for both: of the same time the earliest is the first, the latest the last. */
  #isBetter(than: Alike, earliest: number, latest: number, first: number, last: number): boolean {
    switch (this.#keep) {
      case 'first':
        return first < than.first;
      case 'last':
        return last > than.last;
      case 'earliest':
        return earliest < than.earliest || (earliest === than.earliest && first < than.first);
      default:
        return latest > than.latest || (latest === than.latest && last > than.last);
    }
  }
}

function widen(into: Alike, count: number, earliest: number, latest: number, first: number, last: number): void {
  into.count += count;
  into.earliest = Math.min(into.earliest, earliest);
  into.latest = Math.max(into.latest, latest);
  into.first = Math.min(into.first, first);
  into.last = Math.max(into.last, last);
}

function addEvidence(into: Alike, evidence: readonly string[]): void {
  if (evidence.length === 0) return;
  into.evidence = [...new Set([...into.evidence, ...evidence])].slice(0, MOST_EVIDENCE);
}
