import type { Component, Host } from './component.ts';
import type { ComponentKind } from './component-id.ts';

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
   * Called in `start`. Resolves when the state of what has no partition is restored; partitions are restored when the
   * source gets them.
   */
  register(owner: CheckpointOwner, state: Checkpointed): Promise<void>;
}

/** The extension of the configuration that takes snapshots; undefined where there is none. */
export function checkpoints(host: Host): Checkpoints | undefined {
  for (const id of host.overview.extensions) {
    const extension: (Component & Partial<Checkpoints>) | undefined = host.extension(id);
    if (typeof extension?.register === 'function') return extension as Component & Checkpoints;
  }
  return undefined;
}
