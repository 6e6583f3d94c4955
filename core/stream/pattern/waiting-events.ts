import type { KeyWriter } from '../../series/key-writer.ts';
import { Heap } from '../heap.ts';
import type { Mask } from './definition.ts';

/** Events lie together by spans of so many milliseconds: short, so that one with a single event takes little memory. */
const SPAN_MS = 32;
/** Emptied spans whose memory is used again. */
const MOST_SPARE = 2;

/** Where the parts of an event lie, in words from its begin; the words of its key follow, then those of its data. */
const NEXT = 0;
const MASK = 1;
const HASH = 2;
const KEY_WORDS = 3;
const DATA_BYTES = 4;
const HEADER = 5;
/** A span begins with the first and the last event of each millisecond, 0 for none. */
const INITIAL_WORDS = 4 * SPAN_MS;

const wordsOf = (bytes: number): number => (bytes + 3) >> 2;

/** The events of a span of time: a list for each millisecond, in the order in which they came. */
class Span {
  words = new Int32Array(INITIAL_WORDS);
  bytes = Buffer.from(this.words.buffer);
  /** Of the first event that is still here, in milliseconds from the begin of the span; SPAN_MS: there is none. */
  earliest = SPAN_MS;
  #used = 2 * SPAN_MS;

  add(millisecond: number, key: KeyWriter, mask: Mask, data: Buffer, length: number): void {
    const at = this.#used;
    const dataAt = at + HEADER + key.wordCount;
    this.#used = dataAt + wordsOf(length);
    if (this.#used > this.words.length) this.#grow();
    const { words } = this;
    words[at + NEXT] = 0;
    words[at + MASK] = mask;
    words[at + HASH] = key.hash;
    words[at + KEY_WORDS] = key.wordCount;
    words[at + DATA_BYTES] = length;
    for (let i = 0; i < key.wordCount; i++) words[at + HEADER + i] = key.words[i] as number;
    if (length > 0) data.copy(this.bytes, dataAt * 4, 0, length);
    const last = SPAN_MS + millisecond;
    words[words[millisecond] === 0 ? millisecond : (words[last] as number) + NEXT] = at;
    words[last] = at;
    if (millisecond < this.earliest) this.earliest = millisecond;
  }

  /** The earliest event, which there is; it is gone from its list, and stays where it is. */
  take(): number {
    const { words } = this;
    const at = words[this.earliest] as number;
    words[this.earliest] = words[at + NEXT] as number;
    while (this.earliest < SPAN_MS && words[this.earliest] === 0) this.earliest++;
    return at;
  }

  /** To be used for another time. There is nothing in it. */
  reset(): void {
    this.#used = 2 * SPAN_MS;
  }

  #grow(): void {
    const larger = new Int32Array(Math.max(2 * this.words.length, this.#used));
    larger.set(this.words);
    this.words = larger;
    this.bytes = Buffer.from(larger.buffer);
  }
}

/**
 * Events until event time has come to them, by time; those of one time in the order in which they came. There may be
 * millions, so they are bytes outside of the heap.
 *
 *   while (waiting.earliest <= time && waiting.take()) … waiting.mask, waiting.data()
 */
export class WaitingEvents {
  /** Of the event that was taken last. */
  mask: Mask = 0;
  /** The bytes of its key are `bytes[keyStart, keyEnd)`, until an event is added or taken. */
  hash = 0;
  bytes: Buffer = Buffer.alloc(0);
  keyStart = 0;
  keyEnd = 0;
  #dataEnd = 0;
  #dataStart = 0;
  /** Spans count from that of the first event, because small integers are faster keys. */
  #origin = Number.NaN;
  readonly #spans = new Map<number, Span>();
  readonly #order = new Heap<number>((a, b) => a < b);
  readonly #spare: Span[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The time of the earliest; Infinity where there is none. */
  get earliest(): number {
    const { first } = this.#order;
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return (first + this.#origin) * SPAN_MS + (this.#spans.get(first) as Span).earliest;
  }

  /** `data[0, length)` is what is known of the event. */
  add(time: number, key: KeyWriter, mask: Mask, data: Buffer, length: number): void {
    this.#size++;
    const number = Math.floor(time / SPAN_MS);
    if (Number.isNaN(this.#origin)) this.#origin = number;
    const since = number - this.#origin;
    const span = this.#spans.get(since) ?? this.#open(since);
    span.add(time - number * SPAN_MS, key, mask, data, length);
  }

  /** Goes to the earliest event, which is gone from here; there is one. */
  take(): void {
    const first = this.#order.first as number;
    const span = this.#spans.get(first) as Span;
    this.#read(span, span.take());
    this.#size--;
    if (span.earliest < SPAN_MS) return;
    this.#order.pop();
    this.#spans.delete(first);
    if (this.#spare.length === MOST_SPARE) return;
    span.reset();
    this.#spare.push(span);
  }

  /** The key of the event. */
  key(): string {
    return this.bytes.toString('utf8', this.keyStart, this.keyEnd);
  }

  /** What is known of the event, as bytes in a latin1 string. */
  data(): string {
    return this.bytes.toString('latin1', this.#dataStart, this.#dataEnd);
  }

  /** Calls `visit` at every event, with its time. */
  each(visit: (time: number) => void): void {
    for (const [since, span] of this.#spans) {
      const begin = (since + this.#origin) * SPAN_MS;
      for (let millisecond = 0; millisecond < SPAN_MS; millisecond++) {
        for (let at = span.words[millisecond] as number; at !== 0; at = span.words[at + NEXT] as number) {
          this.#read(span, at);
          visit(begin + millisecond);
        }
      }
    }
  }

  #open(since: number): Span {
    const span = this.#spare.pop() ?? new Span();
    this.#spans.set(since, span);
    this.#order.push(since);
    return span;
  }

  #read({ words, bytes }: Span, at: number): void {
    const keyAt = at + HEADER;
    this.bytes = bytes;
    this.mask = words[at + MASK] as Mask;
    this.hash = words[at + HASH] as number;
    // a key begins with its length
    this.keyStart = (keyAt + 1) * 4;
    this.keyEnd = keyAt * 4 + (words[keyAt] as number);
    this.#dataStart = (keyAt + (words[at + KEY_WORDS] as number)) * 4;
    this.#dataEnd = this.#dataStart + (words[at + DATA_BYTES] as number);
  }
}
