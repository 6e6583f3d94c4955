import type { Component, Host } from './component.ts';
import type { ComponentKind } from './component-id.ts';
import type { OutgoingRecord, Partitioner } from './kafka/client.ts';
import type { StreamDelivery } from './telemetry/context.ts';

/**
 * State that outlives the process. A component registers one of these at its start, if `checkpoints` finds an extension
 * that takes snapshots. State belongs to a partition of the source (StreamOrigin); within it, to entries that the
 * component names, few enough to write (hundreds) and many enough that an unchanged one saves work: groups of keys.
 *
 * All calls are synchronous and come between two batches of the partition, so what they see is one moment.
 */
export interface Checkpointed {
  /** Of the form of the entries; entries of another version are handed to `restore` all the same, with theirs. */
  readonly version: number;
  /** The partitions with state at this moment. */
  partitions(): readonly string[];
  /**
   * The entries of a partition: all, or those that changed since the last call for it, where undefined says that an
   * entry is gone. What was handed out counts as unchanged from then on; if it could not be stored, the next call is
   * for all.
   */
  snapshot(partition: string, which: 'all' | 'changed'): ReadonlyMap<string, Buffer | undefined>;
  /** Takes up what an earlier snapshot gave. The partition has no state before. Throws where it cannot be read. */
  restore(partition: string, entries: ReadonlyMap<string, Buffer>, version: number): void;
  /** The partition is another process's now: drops its state, emits nothing. */
  forget(partition: string): void;
  /**
   * Has it who hands on results also when no batch comes, as by the clock: undefined where none of them is under way,
   * otherwise resolves, never rejects, when they were accepted or refused. No snapshot is taken before, as nobody could
   * tell whether it has to have them.
   */
  settled?(partition: string): Promise<void> | undefined;
}

/** Whose state it is: a component, and for a processor its pipeline. */
export interface CheckpointOwner {
  readonly kind: ComponentKind;
  /** As in the configuration: `window/1m`. */
  readonly id: string;
  /** The pipeline of a processor, otherwise empty. */
  readonly name: string;
}

/** What an extension that takes snapshots has beside `Component`. */
export interface Checkpoints {
  /**
   * Called in `start`. Resolves when the state of what has no partition is restored; the others are restored when the
   * source gets them.
   */
  register(owner: CheckpointOwner, state: Checkpointed): Promise<void>;
  /**
   * The source got a partition: restores its state. From then on the partition is nobody else's; whoever had it before
   * can store nothing more for it. Rejects where the state cannot be read.
   */
  open(source: CheckpointSource): Promise<PartitionCheckpoints>;
  /** Results go out in one transaction with the state they came from, instead of at once. */
  readonly exactlyOnce: boolean;
  /**
   * Where `exactlyOnce`: takes records that are stored with the next checkpoint of the partition, and only with it.
   * False: the partition is not open here. `delivery`: as in the StreamOrigin of what they are made of, so that those
   * that come again because another component refused it are stored once.
   */
  emit(
    partition: string,
    records: readonly OutgoingRecord[],
    partitioner: Partitioner,
    delivery?: StreamDelivery,
  ): boolean;
}

/** A partition that can be read again from any position. */
export interface CheckpointSource {
  /** As in StreamOrigin. */
  readonly partition: string;
  /** Everything before `position` is in a snapshot that is stored. */
  stored(position: bigint): void;
  /** A checkpoint failed, so nobody knows what is stored: the state was dropped, and reading has to begin again. */
  lost(error: Error): void;
}

/** The checkpoints of one partition, in the hands of the source. */
export interface PartitionCheckpoints {
  /** Where to go on: what is before it is in the state already. Undefined: nothing was stored. */
  readonly position: bigint | undefined;
  /** To be called when everything before `position` was accepted, and before anything more is handed on. */
  before(position: bigint): void | Promise<void>;
  /**
   * Everything before `position` was accepted and nothing of what follows; nothing is handed on until the next
   * `before`.
   */
  idle(position: bigint): void;
  /** The partition is given away: a last checkpoint, if it is idle, then its state is dropped here. */
  close(): Promise<void>;
}

/** The extension of the configuration that takes snapshots; undefined where there is none. */
export function checkpoints(host: Host): Checkpoints | undefined {
  for (const id of host.overview.extensions) {
    const extension: (Component & Partial<Checkpoints>) | undefined = host.extension(id);
    if (typeof extension?.register === 'function' && typeof extension.open === 'function') {
      return extension as Component & Checkpoints;
    }
  }
  return undefined;
}
