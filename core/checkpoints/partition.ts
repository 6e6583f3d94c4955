import type { Checkpointed, CheckpointSource, PartitionCheckpoints } from '../checkpoint.ts';
import type { Clock, Timer } from '../clock.ts';
import type { OutgoingRecord, Partitioner } from '../kafka/client.ts';
import type { StreamDelivery } from '../telemetry/context.ts';
import { Repetitions } from './repetitions.ts';
import { settle } from './settle.ts';
import type { OwnedEntries, Snapshot, SnapshotStore, Stored } from './store.ts';
import { StoredNames } from './stored-names.ts';

/** Results that wait for a checkpoint; beyond, one is taken early. */
const MOST_WAITING_BYTES = 32 << 20;

export interface PartitionOptions {
  readonly store: SnapshotStore;
  readonly states: ReadonlyMap<string, Checkpointed>;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly minPauseMs: number;
  readonly timeoutMs: number;
  readonly report: (outcome: Outcome) => void;
}

/** How a checkpoint went. */
export interface Outcome {
  readonly partition: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly error?: Error;
}

/**
 * The checkpoints of one partition: one at a time, when they are due and nothing of the partition is under way, so that
 * position, state and results are of one moment.
 */
export class CheckpointedPartition implements PartitionCheckpoints {
  position: bigint | undefined;
  /** By the monotonic clock: the end of the last checkpoint that was stored. */
  storedAt: number;
  readonly #source: CheckpointSource;
  readonly #options: PartitionOptions;
  #outputs: Snapshot['outputs'][number][] = [];
  #waitingBytes = 0;
  readonly #repetitions = new Repetitions();
  /** Up to where everything was accepted. */
  #done: bigint | undefined;
  #storedPosition: bigint | undefined;
  /** The source is handing on. */
  #busy = true;
  #due = false;
  /** The owners of which all was handed out since the begin and the last failure. */
  readonly #complete = new Set<string>();
  readonly #names = new StoredNames();
  #closing = false;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #over: Error | undefined;

  constructor(source: CheckpointSource, options: PartitionOptions) {
    this.#source = source;
    this.#options = options;
    this.storedAt = options.clock.monotonic();
  }

  /** Takes up what was stored, and begins. Throws where it cannot be read. */
  begin(stored: Stored | undefined): void {
    const { states } = this.#options;
    this.#names.stored(stored?.states ?? []);
    for (const { owner, version, entries } of stored?.states ?? []) {
      states.get(owner)?.restore(this.#source.partition, entries, version);
    }
    this.position = stored?.position;
    this.#storedPosition = stored?.position;
    this.#done = stored?.position;
    this.#schedule(this.#options.intervalMs);
  }

  before(position: bigint): void | Promise<void> {
    this.#busy = true;
    this.#done = position;
    if (this.#running !== undefined) return this.#running.then(() => this.before(position));
    if (this.#over !== undefined) return Promise.reject(this.#over);
    if (this.#due) return this.#take().then(() => this.before(position));
  }

  idle(position: bigint): void {
    this.#done = position;
    this.#busy = false;
    this.#takeIfDue();
  }

  /** Nothing comes from a source: checkpoints are taken whenever they are due. */
  rest(): void {
    this.#busy = false;
  }

  emit(records: readonly OutgoingRecord[], partitioner: Partitioner, delivery?: StreamDelivery): void {
    const fresh = delivery === undefined ? records : this.#repetitions.without(records, delivery);
    for (const record of fresh) {
      this.#outputs.push({ record, partitioner });
      this.#waitingBytes += record.value.length;
    }
    if (this.#waitingBytes > MOST_WAITING_BYTES) this.#due = true;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#timer?.cancel();
    await this.#running;
    if (this.#over === undefined) {
      // what was begun and not ended comes again, to a state that has nothing of it
      if (!this.#busy) await this.#take();
      this.#end(new Error(`${this.#source.partition} was given away`));
    }
    await this.#options.store.close(this.#source.partition);
  }

  /** Drops the state without a last checkpoint. */
  #end(reason: Error): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#timer?.cancel();
    this.#outputs = [];
    for (const state of this.#options.states.values()) state.forget(this.#source.partition);
  }

  #schedule(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(ms, () => {
      this.#due = true;
      this.#takeIfDue();
    });
  }

  #takeIfDue(): void {
    if (this.#due && !this.#busy && this.#running === undefined && this.#over === undefined) void this.#take();
  }

  #take(): Promise<void> {
    this.#due = false;
    this.#running ??= this.#store().finally(() => {
      this.#running = undefined;
      this.#takeIfDue();
    });
    return this.#running;
  }

  async #store(): Promise<void> {
    const { clock, store, states, intervalMs, minPauseMs, report } = this.#options;
    const { partition } = this.#source;
    const began = clock.monotonic();
    const settling = () => settle([...states.values()], partition, clock, this.#closing);
    // where it is closed before, what results that are under way are of comes again
    for (let settled = settling(); settled !== undefined; settled = settling()) if (!(await settled)) return;
    const snapshot = this.#snapshot();
    let error: Error | undefined;
    if (snapshot !== undefined) {
      error = await this.#withTimeout(store.store(partition, snapshot));
      const ended = clock.monotonic();
      const bytes = sizeOf(snapshot);
      report({ partition, seconds: (ended - began) / 1000, bytes, ...(error === undefined ? {} : { error }) });
    }
    if (error === undefined) this.#stored(snapshot);
    else if (store.isUncertain) {
      this.#end(error);
      // at the end of its time here somebody else may have the partition already
      if (!this.#closing) this.#source.lost(error);
      return;
    } else {
      this.#complete.clear();
      this.#names.failed(snapshot?.states ?? []);
    }
    if (this.#over === undefined) this.#schedule(Math.max(intervalMs - (clock.monotonic() - began), minPauseMs));
  }

  #stored(snapshot: Snapshot | undefined): void {
    this.storedAt = this.#options.clock.monotonic();
    if (snapshot === undefined) return;
    this.#names.stored(snapshot.states);
    this.#outputs = this.#outputs.slice(snapshot.outputs.length);
    this.#waitingBytes = this.#outputs.reduce((sum, { record }) => sum + record.value.length, 0);
    this.#storedPosition = snapshot.position;
    if (snapshot.position !== undefined) this.#source.stored(snapshot.position);
  }

  /** Undefined where nothing has happened since the last one. */
  #snapshot(): Snapshot | undefined {
    const { partition } = this.#source;
    const states: OwnedEntries[] = [];
    for (const [owner, state] of this.#options.states) {
      const entries = this.#complete.has(owner)
        ? state.snapshot(partition, 'changed')
        : this.#names.complete(owner, state.snapshot(partition, 'all'));
      this.#complete.add(owner);
      if (entries.size > 0) states.push({ owner, version: state.version, entries });
    }
    if (states.length === 0 && this.#outputs.length === 0 && this.#done === this.#storedPosition) return undefined;
    return { position: this.#done, states, outputs: [...this.#outputs] };
  }

  /** The failure, undefined where there was none. */
  #withTimeout(storing: Promise<void>): Promise<Error | undefined> {
    const { clock, timeoutMs } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(timeoutMs, () => resolve(new Error(`not stored within ${timeoutMs} ms`)));
      storing.then(
        () => {
          timer.cancel();
          resolve(undefined);
        },
        (error: Error) => {
          timer.cancel();
          resolve(error);
        },
      );
    });
  }
}

function sizeOf({ states, outputs }: Snapshot): number {
  let bytes = 0;
  for (const { entries } of states) for (const entry of entries.values()) bytes += entry?.length ?? 0;
  for (const { record } of outputs) bytes += record.value.length;
  return bytes;
}
