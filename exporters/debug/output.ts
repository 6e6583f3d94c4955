import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../../core/clock.ts';
import type { LogFields, Logger } from '../../core/logger.ts';

/** Where messages are printed. */
export interface Output {
  print(message: string, fields?: LogFields): void;
  open(): void;
  close(): void;
}

/** Into the process's own log. */
export class LogOutput implements Output {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  print(message: string, fields?: LogFields): void {
    this.#logger.info(message, fields);
  }
  open(): void {}
  close(): void {}
}

const STANDARD: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 };

/** The message and, after a tab, its fields as JSON. */
export class StreamOutput implements Output {
  readonly #paths: readonly string[];
  #descriptors: number[] = [];

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  open(): void {
    for (const path of this.#paths) this.#descriptors.push(STANDARD[path] ?? openSync(path, 'a', 0o666));
  }

  print(message: string, fields: LogFields = {}): void {
    const pairs = Object.entries(fields).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
    const line = Buffer.from(pairs.length === 0 ? `${message}\n` : `${message}\t{${pairs.join(', ')}}\n`);
    for (const descriptor of this.#descriptors) writeAll(descriptor, line);
  }

  close(): void {
    for (const descriptor of this.#descriptors) if (descriptor > 2) closeSync(descriptor);
    this.#descriptors = [];
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));
/** Long enough to leave the CPU to the reader, short beside what it needs to read a pipe empty. */
const RETRY_MS = 1;

/** A pipe that is full says EAGAIN; the rest of the line then waits for its reader, and all else with it. */
function writeAll(descriptor: number, line: Buffer): void {
  for (let at = 0; at < line.length; ) {
    try {
      at += writeSync(descriptor, line, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(NEVER, 0, 0, RETRY_MS);
    }
  }
}

/** Messages are told apart by a hash into so many counters, which bounds the memory. */
const COUNTERS = 4096;
const TICK_MS = 1000;

/** The first `initial` equal messages of a second pass, of further ones every `thereafter`-th. */
export class Sampler {
  readonly #clock: Clock;
  readonly #initial: number;
  readonly #thereafter: number;
  readonly #counts = new Int32Array(COUNTERS);
  readonly #resetAt = new Float64Array(COUNTERS);

  constructor(clock: Clock, initial: number, thereafter: number) {
    this.#clock = clock;
    this.#initial = initial;
    this.#thereafter = thereafter;
  }

  passes(message: string): boolean {
    if (this.#thereafter === 1) return true;
    const slot = fnv1a(message) % COUNTERS;
    const now = this.#clock.now();
    if (now >= (this.#resetAt[slot] ?? 0)) {
      this.#resetAt[slot] = now + TICK_MS;
      this.#counts[slot] = 0;
    }
    const count = (this.#counts[slot] ?? 0) + 1;
    this.#counts[slot] = count;
    if (count <= this.#initial) return true;
    return this.#thereafter > 0 && (count - this.#initial) % this.#thereafter === 0;
  }
}

/** 32-bit FNV-1a over UTF-16 units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
