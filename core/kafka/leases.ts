import type { Checkpoints, PartitionCheckpoints } from '../checkpoint.ts';
import type { Settings } from '../component.ts';
import type { RecordBatch } from './client.ts';

/** Between attempts to open a partition whose state cannot be read now. */
const RETRY_MS = 1_000;

/** A partition as StreamOrigin names it. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** A partition with the checkpoints it takes part in. */
export interface Lease {
  readonly checkpoints: PartitionCheckpoints;
  /** The last batch of records: it says what is done to the group. */
  batch: RecordBatch;
  /** A checkpoint failed: nothing more is handed on until the partition is read again. */
  lost: boolean;
}

/** Where there is an extension for checkpoints, a record is done when it is in one. */
export class Leases {
  readonly #settings: Settings;
  readonly #checkpoints: Checkpoints;
  readonly #restart: (error: Error) => void;
  readonly #leases = new Map<string, Promise<Lease | undefined>>();

  /** `restart`: begins to read anew at what is committed. */
  constructor(settings: Settings, checkpoints: Checkpoints, restart: (error: Error) => void) {
    this.#settings = settings;
    this.#checkpoints = checkpoints;
    this.#restart = restart;
  }

  /** The lease of the batch's partition, opened when its first records come; undefined where it was lost meanwhile. */
  async of(batch: RecordBatch): Promise<Lease | undefined> {
    const name = partitionName(batch.topic, batch.partition);
    let opening = this.#leases.get(name);
    if (opening === undefined) {
      opening = this.#open(name, batch);
      this.#leases.set(name, opening);
    }
    const lease = await opening;
    if (lease === undefined || lease.lost) return undefined;
    lease.batch = batch;
    return lease;
  }

  /** The partition is given away. */
  async revoked(topic: string, partition: number): Promise<void> {
    const name = partitionName(topic, partition);
    const opening = this.#leases.get(name);
    const lease = await opening;
    await lease?.checkpoints.close();
    if (this.#leases.get(name) === opening) this.#leases.delete(name);
  }

  /** Tries until it is open or the partition is somebody else's. */
  async #open(partition: string, batch: RecordBatch): Promise<Lease | undefined> {
    let logged = false;
    while (batch.active()) {
      try {
        return await this.#openNow(partition, batch);
      } catch (error) {
        const { logger } = this.#settings;
        const fields = { partition, error: (error as Error).message };
        if (!logged) logger.error('State of a partition cannot be restored, will try again', fields);
        logged = true;
        await new Promise<void>((resolve) => {
          this.#settings.clock.after(RETRY_MS, resolve);
        });
      }
    }
    this.#leases.delete(partition);
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
    const lease: Lease = { checkpoints, batch, lost: false };
    return lease;
  }
}
