import type { RecordsBatch } from '@platformatic/kafka';
import type { IncomingRecord, RecordBatch, RecordHandler } from './client.ts';

/** Bits of a batch's attributes: part of a transaction; marks of transactions, no records. */
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** What the key of a mark begins with: its version and its type, 16 bits each; type 0 is an abort. */
const ABORT = 0;

/** A transaction that was aborted: its records from this offset on, up to the mark, never happened. */
interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** A partition from its assignment to this member until it is given away. */
export class ConsumedPartition {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to fetch; undefined until it is known. */
  position: bigint | undefined;
  /** The next offset after what is done. */
  next = -1n;
  leaderEpoch = -1;
  /** Bytes of records that no handler has yet. */
  waiting = 0;
  readonly #handler: RecordHandler;
  #queue: IncomingRecord[] = [];
  #highWatermark = 0n;
  #committed = -1n;
  #stopped = false;
  #running: Promise<void> | undefined;
  /** Called when there is room for more records. */
  onRoom: (() => void) | undefined;

  constructor(topic: string, partition: number, handler: RecordHandler) {
    this.topic = topic;
    this.partition = partition;
    this.#handler = handler;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  get uncommitted(): boolean {
    return this.next > this.#committed;
  }

  seek(offset: bigint): void {
    this.position = offset;
  }

  committed(offset: bigint): void {
    if (offset > this.#committed) this.#committed = offset;
  }

  /** What waits is dropped, what is being handled hears of it. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.waiting = 0;
  }

  /** Resolves when no handler is at work. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /**
   * Takes what was fetched from `position` on. Of compressed batches there may be some more before it. `aborted`: the
   * transactions in it that were not committed, where only committed ones are wanted.
   */
  receive(batches: readonly RecordsBatch[], highWatermark: bigint, aborted: readonly Aborted[] | null = null): void {
    if (this.#stopped || this.position === undefined) return;
    this.#highWatermark = highWatermark;
    const open = new Set<bigint>();
    const begins = [...(aborted ?? [])].sort((a, b) => Number(a.firstOffset - b.firstOffset));
    for (const batch of batches) {
      const end = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      for (; begins[0] !== undefined && begins[0].firstOffset < end; begins.shift()) open.add(begins[0].producerId);
      const isControl = (batch.attributes & CONTROL) !== 0;
      if (isControl && isAbort(batch)) open.delete(batch.producerId);
      if (end <= this.position) continue;
      const isAborted = (batch.attributes & TRANSACTIONAL) !== 0 && open.has(batch.producerId);
      if (!isControl && !isAborted) this.#add(batch, this.position);
      this.position = end;
      this.leaderEpoch = batch.partitionLeaderEpoch;
    }
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  #add(batch: RecordsBatch, from: bigint): void {
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta);
      if (offset < from) continue;
      const value = record.value ?? Buffer.alloc(0);
      this.waiting += value.length;
      this.#queue.push({
        offset,
        timestamp: Number(batch.firstTimestamp + record.timestampDelta),
        key: record.key ?? undefined,
        value,
        headers: record.headers.map(([key, text]) => [key?.toString() ?? '', text ?? Buffer.alloc(0)]),
      });
    }
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopped) {
      const records = this.#queue;
      this.#queue = [];
      this.waiting = 0;
      this.onRoom?.();
      await this.#handler(this.#batch(records));
    }
  }

  #batch(records: readonly IncomingRecord[]): RecordBatch {
    const { topic, partition } = this;
    return {
      topic,
      partition,
      records,
      highWatermark: this.#highWatermark,
      active: () => !this.#stopped,
      done: ({ offset }) => {
        if (offset >= this.next) this.next = offset + 1n;
      },
    };
  }
}

function isAbort({ records }: RecordsBatch): boolean {
  const key = records[0]?.key;
  return key != null && key.length >= 4 && key.readInt16BE(2) === ABORT;
}
