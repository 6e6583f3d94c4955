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
  /** The one that stands for all: a ResourceLogs field with one record. */
  kept: Buffer;
  /** What they say is their evidence, without repetitions, not more than an alert may name. */
  evidence: string[];
}

/** A record that came in. */
export interface Arrival {
  time: number;
  evidence: readonly string[];
  /** The record with its resource and scope, copied. */
  copy: () => Buffer;
}

/** With the slice and its part of the key, and one id with its text, as measured. */
const ALIKE_BYTES = 500;
const EVIDENCE_BYTES = 60;
const NOTHING = Buffer.alloc(0);

export class AlikeAggregation implements Aggregation<Arrival> {
  readonly #keep: Config['keep'];
  readonly #rows: (Alike | undefined)[] = [];
  /** The number of the next one: what is said of order holds within a run of the process and after a restart. */
  #arrivals = 0;

  constructor(keep: Config['keep']) {
    this.#keep = keep;
  }

  begin(row: number): void {
    const none = { earliest: Number.POSITIVE_INFINITY, latest: Number.NEGATIVE_INFINITY };
    this.#rows[row] = { count: 0, ...none, first: Number.POSITIVE_INFINITY, last: -1, kept: NOTHING, evidence: [] };
  }

  add(row: number, { time, evidence, copy }: Arrival): void {
    const into = this.at(row);
    const number = this.#arrivals++;
    if (this.#isBetter(into, time, time, number, number)) into.kept = copy();
    widen(into, 1, time, time, number, number);
    addEvidence(into, evidence);
  }

  merge(row: number, other: number): void {
    const [into, from] = [this.at(row), this.at(other)];
    if (this.#isBetter(into, from.earliest, from.latest, from.first, from.last)) into.kept = from.kept;
    widen(into, from.count, from.earliest, from.latest, from.first, from.last);
    addEvidence(into, from.evidence);
  }

  size(row: number): number {
    const { kept, evidence } = this.at(row);
    return ALIKE_BYTES + kept.length + evidence.length * EVIDENCE_BYTES;
  }

  end(row: number): void {
    this.#rows[row] = undefined;
  }

  /** What the row has, which has begun and not ended. */
  at(row: number): Alike {
    return this.#rows[row] as Alike;
  }

  encode(row: number, to: StateWriter): void {
    const { count, earliest, latest, first, last, kept, evidence } = this.at(row);
    to.double(count).double(earliest).double(latest).double(first).double(last).bytes(kept).uint32(evidence.length);
    for (const id of evidence) to.text(id);
  }

  decode(row: number, from: StateReader): void {
    const [count, earliest, latest] = [from.double(), from.double(), from.double()];
    const [first, last, kept] = [from.double(), from.double(), from.bytes()];
    const evidence = Array.from({ length: from.uint32() }, () => from.text());
    this.#rows[row] = { count, earliest, latest, first, last, kept, evidence };
    this.#arrivals = Math.max(this.#arrivals, last + 1);
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
  for (const id of evidence) {
    if (into.evidence.length >= MOST_EVIDENCE) return;
    if (!into.evidence.includes(id)) into.evidence.push(id);
  }
}
