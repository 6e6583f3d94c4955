import { Writer } from '../../../core/otlp/edit/writer.ts';
import type { StorageClient, StorageOperation } from '../../../core/storage.ts';
import { ID_LENGTH } from './trace-id.ts';

/** Holds the numbers of the first and of the next entry. */
const INDEX = 'index';
const INDEX_BYTES = 16;
/** What an entry is, in its first byte. */
const SPANS = 1;
const DECISIONS = 2;
/** Id, arrival (ms since 1970), spans, size, lengths of resource and scope groups. */
const CHUNK_HEAD = ID_LENGTH + 8 + 4 + 8 + 4 + 4;
/** Id, decision, length of the policy's name. */
const DECISION_HEAD = ID_LENGTH + 1 + 2;

/** Spans of one trace, as they are kept. Buffers are parts of an entry. */
export interface StoredChunk {
  readonly id: Buffer;
  /** Milliseconds since 1970 when the trace was first seen. */
  readonly arrivedAt: number;
  readonly spans: number;
  readonly size: number;
  readonly resource: Buffer;
  readonly run: Buffer;
}

export interface StoredDecision {
  readonly id: Buffer;
  readonly decision: number;
  /** '' where none of them decided. */
  readonly policy: string;
}

/** What a journal read back is given to, in the order in which it happened. */
export interface Replay {
  chunk(chunk: StoredChunk, segment: number): void;
  decision(decision: StoredDecision): void;
}

/**
 * Undecided spans and decisions in a storage extension. Entries are numbered: one for the spans of each request, one
 * for the decisions of each tick. An entry with spans goes when none of its chunks is left, one with decisions when
 * there are enough later ones.
 */
export class Journal {
  readonly #client: StorageClient;
  readonly #maxDecisions: number;
  readonly #chunks = new Writer();
  readonly #decisions = new Writer();
  #decisionsOpen = 0;
  /** By number: chunks that are left of an entry with spans. */
  readonly #alive = new Map<number, number>();
  readonly #decisionEntries: { readonly number: number; readonly count: number }[] = [];
  #decisionsKept = 0;
  readonly #gone: number[] = [];
  /** The entry that is being written. */
  #open = 0;
  #first = 0;
  #next = 0;

  /** `maxDecisions`: how many decisions are of use after a restart. */
  constructor(client: StorageClient, maxDecisions: number) {
    this.#client = client;
    this.#maxDecisions = maxDecisions;
  }

  /** Adds a chunk to the entry that is being written, whose number is returned. */
  add(chunk: StoredChunk): number {
    const writer = this.#chunks;
    if (writer.length === 0) {
      this.#open = this.#next++;
      beginEntry(writer, SPANS);
    }
    const { id, arrivedAt, spans, size, resource, run } = chunk;
    writer.reserve(CHUNK_HEAD);
    let at = writer.length + id.copy(writer.buffer, writer.length);
    at = writer.buffer.writeDoubleLE(arrivedAt, at);
    at = writer.buffer.writeUInt32LE(spans, at);
    at = writer.buffer.writeDoubleLE(size, at);
    at = writer.buffer.writeUInt32LE(resource.length, at);
    writer.length = writer.buffer.writeUInt32LE(run.length, at);
    writer.copy(resource, 0, resource.length);
    writer.copy(run, 0, run.length);
    this.#alive.set(this.#open, (this.#alive.get(this.#open) ?? 0) + 1);
    return this.#open;
  }

  /** A chunk of this entry is no longer needed. */
  free(segment: number): void {
    const left = (this.#alive.get(segment) ?? 0) - 1;
    if (left > 0) this.#alive.set(segment, left);
    else {
      this.#alive.delete(segment);
      this.#gone.push(segment);
    }
  }

  decided({ id, decision, policy }: StoredDecision): void {
    const writer = this.#decisions;
    if (writer.length === 0) beginEntry(writer, DECISIONS);
    const name = Buffer.from(policy);
    writer.reserve(DECISION_HEAD);
    let at = writer.length + id.copy(writer.buffer, writer.length);
    at = writer.buffer.writeUInt8(decision, at);
    writer.length = writer.buffer.writeUInt16LE(name.length, at);
    writer.copy(name, 0, name.length);
    this.#decisionsOpen++;
  }

  /** Resolves when the spans since the last call are kept; undefined where there are none. */
  flushSpans(): Promise<void> | undefined {
    if (this.#chunks.length === 0) return undefined;
    return this.#client.batch([[String(this.#open), this.#chunks.toBuffer()], this.#index()]);
  }

  /** To be called when what was decided has been sent on: keeps the decisions and lets go of the spans. */
  async flushDecisions(): Promise<void> {
    await this.flushSpans();
    const operations: StorageOperation[] = [];
    if (this.#decisions.length > 0) {
      const number = this.#next++;
      operations.push([String(number), this.#decisions.toBuffer()]);
      this.#decisionEntries.push({ number, count: this.#decisionsOpen });
      this.#decisionsKept += this.#decisionsOpen;
      this.#decisionsOpen = 0;
    }
    this.#dropOldDecisions();
    for (const number of this.#gone) operations.push([String(number), undefined]);
    this.#gone.length = 0;
    if (operations.length === 0) return;
    const firstSpans = this.#alive.keys().next().value ?? this.#next;
    this.#first = Math.min(firstSpans, this.#decisionEntries[0]?.number ?? this.#next);
    await this.#client.batch([...operations, this.#index()]);
  }

  /** Reads back what an earlier process kept. To be called first. */
  async replay(replay: Replay): Promise<void> {
    const index = await this.#client.get(INDEX);
    if (index?.length !== INDEX_BYTES) return;
    this.#first = index.readDoubleLE(0);
    this.#next = index.readDoubleLE(8);
    for (let number = this.#first; number < this.#next; number++) {
      const entry = await this.#client.get(String(number));
      if (entry === undefined) continue;
      if (entry[0] === SPANS) this.#replaySpans(entry, number, replay);
      else if (entry[0] === DECISIONS) this.#replayDecisions(entry, number, replay);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** All chunks are counted before the first is handed over, as handing over may free some. */
  #replaySpans(entry: Buffer, number: number, replay: Replay): void {
    const chunks: StoredChunk[] = [];
    for (let at = 1; at + CHUNK_HEAD <= entry.length; ) {
      const numbers = at + ID_LENGTH;
      const resource = at + CHUNK_HEAD;
      const run = resource + entry.readUInt32LE(numbers + 20);
      const end = run + entry.readUInt32LE(numbers + 24);
      chunks.push({
        id: entry.subarray(at, numbers),
        arrivedAt: entry.readDoubleLE(numbers),
        spans: entry.readUInt32LE(numbers + 8),
        size: entry.readDoubleLE(numbers + 12),
        resource: entry.subarray(resource, run),
        run: entry.subarray(run, end),
      });
      at = end;
    }
    this.#alive.set(number, chunks.length);
    for (const chunk of chunks) replay.chunk(chunk, number);
  }

  #replayDecisions(entry: Buffer, number: number, replay: Replay): void {
    let count = 0;
    for (let at = 1; at + DECISION_HEAD <= entry.length; count++) {
      const name = at + DECISION_HEAD;
      const end = name + entry.readUInt16LE(at + ID_LENGTH + 1);
      const decision = entry.readUInt8(at + ID_LENGTH);
      replay.decision({ id: entry.subarray(at, at + ID_LENGTH), decision, policy: entry.toString('utf8', name, end) });
      at = end;
    }
    this.#decisionEntries.push({ number, count });
    this.#decisionsKept += count;
  }

  #dropOldDecisions(): void {
    for (;;) {
      const [oldest] = this.#decisionEntries;
      if (oldest === undefined || this.#decisionsKept - oldest.count < this.#maxDecisions) return;
      this.#decisionEntries.shift();
      this.#decisionsKept -= oldest.count;
      this.#gone.push(oldest.number);
    }
  }

  #index(): StorageOperation {
    const value = Buffer.alloc(INDEX_BYTES);
    value.writeDoubleLE(this.#first, 0);
    value.writeDoubleLE(this.#next, 8);
    return [INDEX, value];
  }
}

function beginEntry(writer: Writer, kind: number): void {
  writer.reserve(1);
  writer.length = writer.buffer.writeUInt8(kind, 0);
}
