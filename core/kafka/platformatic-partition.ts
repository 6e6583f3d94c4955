import type { RecordsBatch } from '@platformatic/kafka';
import type { IncomingRecord, RecordBatch, RecordHandler } from './client.ts';
import { CONTROL, Committed } from './committed.ts';

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
  readonly #order: 'log' | 'producer' | undefined;
  #transactions: Committed | undefined;
  /** Where reading began: compressed batches may bring some records before it. */
  #start = 0n;
  #queue: IncomingRecord[] = [];
  #highWatermark = 0n;
  #committed = -1n;
  #stopped = false;
  #running: Promise<void> | undefined;
  /** The handler is to be called without records. */
  #isNew = false;
  /** Called when there is room for more records. */
  onRoom: (() => void) | undefined;

  /**
   * `committed`: leaves out what belongs to transactions that were not committed; the others are in the order of the
   * log, or just in that of each producer, see Committed.
   */
  constructor(topic: string, partition: number, handler: RecordHandler, committed?: 'log' | 'producer') {
    this.topic = topic;
    this.partition = partition;
    this.#handler = handler;
    this.#order = committed;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  get uncommitted(): boolean {
    return this.next > this.#committed;
  }

  seek(offset: bigint): void {
    this.position = offset;
    this.#start = offset;
    this.#transactions = this.#order === undefined ? undefined : new Committed(this.#order === 'log');
  }

  /** Where the group has no offset: from now on it has this one, and what comes later is read whatever happens. */
  begin(offset: bigint): void {
    this.seek(offset);
    if (offset > this.next) this.next = offset;
  }

  /** Calls the handler without records first, so that what it keeps of the partition is there before any come. */
  announce(): void {
    this.#isNew = true;
    this.#run();
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

  /** Drops what was read and begins again at `offset`, unless reading began at or before it. */
  rewind(offset: bigint): boolean {
    if (offset >= this.#start) return false;
    if (this.#stopped) return true;
    this.#queue = [];
    this.waiting = 0;
    this.seek(offset);
    this.next = offset;
    this.#committed = -1n;
    this.onRoom?.();
    return true;
  }

  /** Takes what was fetched from `position` on. Of compressed batches there may be some more before it. */
  receive(batches: readonly RecordsBatch[], highWatermark: bigint): void {
    if (this.#stopped || this.position === undefined) return;
    this.#highWatermark = highWatermark;
    for (const batch of batches) {
      const end = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      if (end <= this.position) continue;
      this.position = end;
      this.leaderEpoch = batch.partitionLeaderEpoch;
      if (this.#transactions !== undefined) for (const one of this.#transactions.next(batch)) this.#add(one);
      else if ((batch.attributes & CONTROL) === 0) this.#add(batch);
    }
    this.#run();
  }

  #add(batch: RecordsBatch): void {
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta);
      if (offset < this.#start) continue;
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

  #run(): void {
    if (this.#running === undefined && (this.#isNew || this.#queue.length > 0)) this.#running = this.#work();
  }

  async #work(): Promise<void> {
    try {
      while ((this.#isNew || this.#queue.length > 0) && !this.#stopped) await this.#handler(this.#next());
    } finally {
      this.#running = undefined;
    }
  }

  #next(): RecordBatch {
    if (this.#isNew) {
      this.#isNew = false;
      return this.#batch([]);
    }
    const records = this.#queue;
    this.#queue = [];
    this.waiting = 0;
    this.onRoom?.();
    return this.#batch(records);
  }

  #batch(records: readonly IncomingRecord[]): RecordBatch {
    const { topic, partition } = this;
    return {
      topic,
      partition,
      records,
      highWatermark: this.#highWatermark,
      active: () => !this.#stopped,
      rewind: (offset) => this.rewind(offset),
      done: ({ offset }) => {
        if (offset >= this.next) this.next = offset + 1n;
      },
    };
  }
}
