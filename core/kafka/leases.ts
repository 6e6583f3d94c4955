import type { Checkpoints, PartitionCheckpoints } from '../checkpoint.ts';
import type { Settings } from '../component.ts';
import { PipelineError } from '../error.ts';
import type { RecordBatch } from './client.ts';
import { isAbsence } from './errors.ts';

/** Between attempts to open a partition whose state cannot be read now. */
const RETRY_MS = 1_000;

const NOT_READY = 'Kafka is not ready to open a partition, will try again';
const UNREADABLE = 'State of a partition cannot be restored, will try again';

/** A partition as StreamOrigin names it. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** A partition with the checkpoints it takes part in. */
export interface Lease {
  readonly checkpoints: PartitionCheckpoints;
  /** Records before it were handed on, by this process or by whoever had the partition before. */
  next: bigint;
  /** The last batch of records: it says what is done to the group. */
  batch: RecordBatch;
  /** None of its records were looked at yet. */
  fresh: boolean;
  /** A checkpoint failed: nothing more is handed on until the partition is read again. */
  lost: boolean;
}

/** From the first records of a partition until it is given away. */
interface Tenure {
  readonly lease: Promise<Lease | undefined>;
  /** Tells whether the partition was given away since. */
  readonly active: () => boolean;
  readonly over: PromiseWithResolvers<void>;
}

/** Where there is an extension for checkpoints, a record is done when it is in one. */
export class Leases {
  readonly #settings: Settings;
  readonly #checkpoints: Checkpoints;
  readonly #restart: (error: Error) => void;
  readonly #tenures = new Map<string, Tenure>();

  /** `restart`: begins to read anew at what is committed. */
  constructor(settings: Settings, checkpoints: Checkpoints, restart: (error: Error) => void) {
    this.#settings = settings;
    this.#checkpoints = checkpoints;
    this.#restart = restart;
  }

  /** The lease of the batch's partition, opened with its first batch; undefined where it was lost meanwhile. */
  async of(batch: RecordBatch): Promise<Lease | undefined> {
    const name = partitionName(batch.topic, batch.partition);
    let tenure = this.#tenures.get(name);
    // it came back before it was put away: what is read now begins where that ends
    for (; tenure !== undefined && !tenure.active(); tenure = this.#tenures.get(name)) await tenure.over.promise;
    if (tenure === undefined) {
      if (!batch.active()) return undefined;
      tenure = { lease: this.#open(name, batch), active: batch.active, over: Promise.withResolvers() };
      this.#tenures.set(name, tenure);
    }
    const lease = await tenure.lease;
    if (lease === undefined || lease.lost) return undefined;
    lease.batch = batch;
    if (lease.fresh) {
      lease.fresh = false;
      // the group never heard of the checkpoint, so it began elsewhere: at the end, if it is a new group to it
      if (lease.next > 0n && batch.rewind?.(lease.next) === true) {
        lease.checkpoints.idle(lease.next);
        return undefined;
      }
    }
    return lease;
  }

  /** The partition is given away. Nothing of it is being handed on any more. */
  async revoked(topic: string, partition: number): Promise<void> {
    const name = partitionName(topic, partition);
    const tenure = this.#tenures.get(name);
    // the partition may be here again already
    if (tenure === undefined || tenure.active()) return;
    try {
      const lease = await tenure.lease;
      await lease?.checkpoints.close();
    } finally {
      this.#tenures.delete(name);
      tenure.over.resolve();
    }
  }

  /** Tries until it is open or the partition is somebody else's. */
  async #open(partition: string, batch: RecordBatch): Promise<Lease | undefined> {
    const { logger, clock } = this.#settings;
    let logged = '';
    while (batch.active()) {
      try {
        return await this.#openNow(partition, batch);
      } catch (error) {
        const absent = error instanceof PipelineError && isAbsence(error);
        const message = absent ? NOT_READY : UNREADABLE;
        const fields = { partition, error: (error as Error).message };
        if (message !== logged) logger[absent ? 'warn' : 'error'](message, fields);
        logged = message;
        await new Promise<void>((resolve) => {
          clock.after(RETRY_MS, resolve);
        });
      }
    }
    return undefined;
  }

  async #openNow(partition: string, batch: RecordBatch): Promise<Lease> {
    const checkpoints = await this.#checkpoints.open({
      partition,
      stored: (position) => lease.batch.done({ offset: position - 1n }),
      lost: (error) => {
        lease.lost = true;
        this.#restart(error);
      },
    });
    const lease: Lease = { checkpoints, next: checkpoints.position ?? 0n, batch, fresh: true, lost: false };
    return lease;
  }
}
