import type { Clock, Timer } from '../clock.ts';
import type { BatchConfig } from '../config/sections/queue.ts';
import type { PipelineError } from '../error.ts';
import { type Parts, take, takeBytes } from '../otlp/split.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../telemetry/context.ts';
import { Joiner } from '../telemetry/joiner.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { sizeOf } from './admission.ts';
import { type Done, Pieces } from './outcome.ts';
import type { QueueItem } from './queue.ts';

/** What the batcher calls with a batch that is to be sent. */
export type Flush = (batch: Telemetry, done: Done) => void;

/** As in the collector: with more combinations at a time the oldest one is sent before its time. */
const MAX_PARTITIONS = 10_000;

/** One batch made of several items. */
class Several implements Done {
  readonly #items: readonly Done[];

  constructor(items: readonly Done[]) {
    this.#items = items;
  }

  done(error: PipelineError | undefined): void {
    for (const item of this.#items) item.done(error);
  }
}

/** The batch in pieces of at most `max_size`; takes over the reference. */
function split(batch: Telemetry, { max_size: max, sizer }: BatchConfig): Telemetry[] {
  const pieces: Telemetry[] = [];
  for (let rest: Telemetry | undefined = batch; rest !== undefined; ) {
    const parts: Parts =
      max === 0 ? { head: rest, rest: undefined } : (sizer === 'bytes' ? takeBytes : take)(rest, max);
    pieces.push(parts.head);
    rest = parts.rest;
  }
  return pieces;
}

interface Partition {
  readonly key: string;
  readonly batches: Joiner;
  /** Whose data is in there, oldest first. */
  readonly items: Done[];
  readonly context: RequestContext;
  size: number;
  readonly timer: Timer;
}

/**
 * Collects items into batches of `min_size` to `max_size`, one open batch per combination of the partition's metadata.
 * It holds nothing beyond what the queue counts, so the queue's limit bounds it. A single item larger than `max_size`
 * bytes is sent alone: the destination decides on it.
 */
export class Batcher {
  readonly #config: BatchConfig;
  readonly #keys: readonly string[];
  readonly #clock: Clock;
  readonly #flush: Flush;
  readonly #sizeOf: (batch: Telemetry) => number;
  /** In order of their opening. */
  readonly #partitions = new Map<string, Partition>();

  constructor(config: BatchConfig, clock: Clock, flush: Flush) {
    this.#config = config;
    this.#keys = config.partition.metadata_keys.map((key) => key.toLowerCase());
    this.#clock = clock;
    this.#flush = flush;
    this.#sizeOf = sizeOf(config.sizer);
  }

  add(item: QueueItem): void {
    this.#append(this.#keyOf(item.batch.context), item.batch, item);
  }

  /** Sends all open batches. */
  flushAll(): void {
    for (const partition of [...this.#partitions.values()]) this.#close(partition);
  }

  #append(key: string, batch: Telemetry, item: Done): void {
    const partition = this.#partitions.get(key) ?? this.#open(key, batch.context);
    partition.size += this.#sizeOf(batch);
    partition.batches.add(batch);
    partition.items.push(item);
    if (partition.size >= this.#config.min_size) this.#dispense(partition, item);
  }

  /** Sends full batches. What is left over belongs to the newest item alone, as all before it were below min_size. */
  #dispense(partition: Partition, newest: Done): void {
    const whole = this.#take(partition);
    const pieces = split(whole, this.#config);
    const shared = pieces.length > 1 ? new Pieces(newest, pieces.length) : newest;
    let owners = [...partition.items.slice(0, -1), shared];
    const last = pieces.length - 1;
    pieces.forEach((piece, i) => {
      if (i === last && i > 0 && this.#sizeOf(piece) < this.#config.min_size) {
        this.#append(partition.key, piece, shared);
      } else {
        this.#flush(piece, owners.length === 1 ? shared : new Several(owners));
      }
      owners = [shared];
    });
  }

  #open(key: string, context: RequestContext): Partition {
    if (this.#partitions.size >= MAX_PARTITIONS) {
      const [oldest] = this.#partitions.values();
      if (oldest !== undefined) this.#close(oldest);
    }
    const timer = this.#clock.after(this.#config.flush_timeout, () => this.#close(partition));
    const partition: Partition = {
      key,
      batches: new Joiner(),
      items: [],
      context: this.#contextOf(context),
      size: 0,
      timer,
    };
    this.#partitions.set(key, partition);
    return partition;
  }

  #close(partition: Partition): void {
    const whole = this.#take(partition);
    this.#flush(whole, new Several(partition.items));
  }

  /** The partition's data as one batch; the partition ends. */
  #take(partition: Partition): Telemetry {
    partition.timer.cancel();
    this.#partitions.delete(partition.key);
    return partition.batches.finish(partition.context);
  }

  #keyOf(context: RequestContext): string {
    if (this.#keys.length === 0) return '';
    return JSON.stringify(this.#keys.map((key) => context.metadata.get(key) ?? null));
  }

  /** Of merged requests only the metadata is known that they have in common. */
  #contextOf(context: RequestContext): RequestContext {
    if (this.#keys.length === 0) return EMPTY_CONTEXT;
    const metadata = new Map<string, readonly string[]>();
    for (const key of this.#keys) {
      const values = context.metadata.get(key);
      if (values !== undefined) metadata.set(key, values);
    }
    return { ...EMPTY_CONTEXT, metadata };
  }
}
