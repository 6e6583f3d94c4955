import type { Writer } from '../otlp/edit/writer.ts';
import {
  type Bits56,
  MAX_DIGITS,
  readRandomness,
  readThreshold,
  writeRandomness,
  writeThreshold,
} from './threshold.ts';
import { Code, indexOf, isBlank, isKey, isOwn, isValue } from './trace-state-syntax.ts';

/** Limits of a W3C tracestate, and those that the collector adds. */
const MAX_LENGTH = 1024;
const MAX_MEMBERS = 32;
const MAX_KEY = 256;
const MAX_TENANT = 241;
const MAX_SYSTEM = 14;

const NOTHING = Buffer.alloc(0);
const RV = Buffer.from('rv:');
const TH = Buffer.from('th:');
/** Beginnings of the ot member by what comes first, and what stands before a threshold after the randomness. */
const OT = Buffer.from('ot=');
const OT_RV = Buffer.from('ot=rv:');
const OT_TH = Buffer.from('ot=th:');
const AND_TH = Buffer.from(';th:');

/**
 * A W3C tracestate with OpenTelemetry's sampling values in it: `ot=rv:…;th:…`. `parse` reads one where it lies,
 * the values may be changed, `writeTo` writes the whole, OpenTelemetry's member first. An instance is used again and
 * again; until `writeTo` the bytes that were parsed must stay.
 *
 * Accepts and refuses what the collector does, whose limits of members (31) and length (1024) are close to the
 * specification's. Sources: https://www.w3.org/TR/trace-context/#tracestate-header and
 * https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
 */
export class TraceState {
  hasRandomness = false;
  hasThreshold = false;
  readonly randomness: Bits56 = { high: 0, low: 0 };
  readonly threshold: Bits56 = { high: 0, low: 0 };

  #buffer: Buffer = NOTHING;
  /** Where the text of a value is that was read; -1 for one that was set. */
  #randomnessStart = -1;
  #thresholdStart = -1;
  #thresholdEnd = -1;
  /** Start and end of further entries of the ot member, and of other members, in turn. */
  readonly #entries: number[] = [];
  readonly #members: number[] = [];

  /** False where it cannot be read; then what could be is there. */
  parse(buffer: Buffer, start: number, end: number): boolean {
    this.#buffer = buffer;
    if (this.#members.length > 0) this.#members.length = 0;
    this.#clearOwn();
    if (start === end) return true;
    return end - start <= MAX_LENGTH && this.#walk(start, end, false) && this.#walk(start, end, true);
  }

  setRandomness(value: Readonly<Bits56>): void {
    this.hasRandomness = true;
    this.#randomnessStart = -1;
    this.randomness.high = value.high;
    this.randomness.low = value.low;
  }

  setThreshold(value: Readonly<Bits56>): void {
    this.hasThreshold = true;
    this.#thresholdStart = -1;
    this.threshold.high = value.high;
    this.threshold.low = value.low;
  }

  clearThreshold(): void {
    this.hasThreshold = false;
  }

  writeTo(writer: Writer): void {
    const start = writer.length;
    if (this.hasRandomness) this.#writeRandomness(writer);
    if (this.hasThreshold) this.#writeThreshold(writer);
    const entries = this.#entries;
    if (entries.length > 0) {
      if (writer.length === start) writer.copy(OT, 0, OT.length);
      this.#writeRuns(writer, entries, Code.SEMICOLON, start + OT.length);
    }
    this.#writeRuns(writer, this.#members, Code.COMMA, start);
  }

  #clearOwn(): void {
    this.hasRandomness = false;
    this.hasThreshold = false;
    // setting a length costs more than asking for it
    if (this.#entries.length > 0) this.#entries.length = 0;
  }

  /** Goes through the members: first only to see whether all are well-formed, then to take them in. */
  #walk(start: number, end: number, take: boolean): boolean {
    const buffer = this.#buffer;
    let fine = true;
    let count = 0;
    for (let position = start; position < end; ) {
      if (take && ++count >= MAX_MEMBERS) return false;
      const next = indexOf(buffer, Code.COMMA, position, end);
      let from = position;
      let to = next;
      while (from < to && isBlank(buffer[from] as number)) from++;
      while (to > from && isBlank(buffer[to - 1] as number)) to--;
      position = next + 1;
      if (from === to) continue;
      const equals = indexOf(buffer, Code.EQUALS, from, to);
      if (take) fine = this.#take(from, equals, to) && fine;
      else if (!isKey(buffer, from, equals) || !isValue(buffer, equals + 1, to)) return false;
    }
    return fine;
  }

  #take(from: number, equals: number, to: number): boolean {
    const buffer = this.#buffer;
    const at = indexOf(buffer, Code.AT, from, equals);
    if (equals - from > MAX_KEY) return false;
    if (at < equals && (at - from > MAX_TENANT || equals - at - 1 > MAX_SYSTEM)) return false;
    if (equals - from === 2 && buffer[from] === 0x6f && buffer[from + 1] === 0x74) return this.#takeOwn(equals + 1, to);
    this.#members.push(from, to);
    return true;
  }

  /** The value of the ot member; of several the last stands. */
  #takeOwn(start: number, end: number): boolean {
    this.#clearOwn();
    const buffer = this.#buffer;
    if (!isOwn(buffer, start, end)) return false;
    let fine = true;
    for (let from = start; from < end; ) {
      const to = indexOf(buffer, Code.SEMICOLON, from, end);
      const value = indexOf(buffer, Code.COLON, from, to) + 1;
      if (isField(buffer, from, value, RV)) {
        this.hasRandomness = readRandomness(buffer, value, to, this.randomness);
        this.#randomnessStart = value;
        fine &&= this.hasRandomness;
      } else if (isField(buffer, from, value, TH)) {
        this.hasThreshold = readThreshold(buffer, value, to, this.threshold);
        this.#thresholdStart = value;
        this.#thresholdEnd = to;
        fine &&= this.hasThreshold;
      } else this.#entries.push(from, to);
      from = to + 1;
    }
    return fine;
  }

  #writeRandomness(writer: Writer): void {
    const start = this.#randomnessStart;
    writer.copy(OT_RV, 0, OT_RV.length);
    if (start >= 0) writer.copy(this.#buffer, start, start + MAX_DIGITS);
    else {
      writer.reserve(MAX_DIGITS);
      writer.length = writeRandomness(this.randomness, writer.buffer, writer.length);
    }
  }

  #writeThreshold(writer: Writer): void {
    if (this.hasRandomness) writer.copy(AND_TH, 0, AND_TH.length);
    else writer.copy(OT_TH, 0, OT_TH.length);
    if (this.#thresholdStart >= 0) writer.copy(this.#buffer, this.#thresholdStart, this.#thresholdEnd);
    else {
      writer.reserve(MAX_DIGITS);
      writer.length = writeThreshold(this.threshold, writer.buffer, writer.length);
    }
  }

  #writeRuns(writer: Writer, runs: readonly number[], separator: number, start: number): void {
    for (let i = 0; i < runs.length; i += 2) {
      separate(writer, separator, start);
      writer.copy(this.#buffer, runs[i] as number, runs[i + 1] as number);
    }
  }
}

/** Writes the separator unless this is the first after `start`. */
function separate(writer: Writer, separator: number, start: number): void {
  if (writer.length > start) writer.varint(separator);
}

/** Whether `buffer[start, value)` is this name with its colon. */
function isField(buffer: Buffer, start: number, value: number, name: Buffer): boolean {
  return value - start === name.length && buffer[start] === name[0] && buffer[start + 1] === name[1];
}
