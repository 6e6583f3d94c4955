import type { StorageClient, StorageOperation } from '../storage.ts';
import {
  packEntry,
  packPosition,
  type Snapshot,
  type SnapshotStore,
  type Stored,
  unpackPosition,
  unpackStates,
} from './store.ts';

/** Between the parts of a key: a name never has it. */
const SEPARATOR = '\u0000';
/** In the place of the owner, for what belongs to the partition itself. */
const NOBODY = '';
const POSITION = 'position';

/** Snapshots in a storage extension: entries under their names, all changes of a checkpoint at once. */
export class StorageStore implements SnapshotStore {
  readonly isUncertain = false;
  readonly #open: () => Promise<StorageClient>;
  #client: Promise<StorageClient> | undefined;

  /** `open` is called when the first snapshot is asked for. */
  constructor(open: () => Promise<StorageClient>) {
    this.#open = open;
  }

  async open(partition: string): Promise<Stored | undefined> {
    const client = await this.#opened();
    const prefix = partition + SEPARATOR;
    const keys = (await client.keys()).filter((key) => key.startsWith(prefix));
    if (keys.length === 0) return undefined;
    const packed: [string, string, Buffer][] = [];
    let position: Buffer | undefined;
    for (const key of keys) {
      const bytes = await client.get(key);
      const [, owner = '', entry = ''] = key.split(SEPARATOR);
      if (bytes === undefined) throw new Error(`the snapshot of ${partition || 'this process'} is damaged: ${key}`);
      if (owner === NOBODY) position = bytes;
      else packed.push([owner, entry, bytes]);
    }
    return { position: unpackPosition(position), states: unpackStates(packed) };
  }

  async store(partition: string, { position, states }: Snapshot): Promise<void> {
    const client = await this.#opened();
    const operations: StorageOperation[] = [];
    for (const { owner, version, entries } of states) {
      for (const [entry, bytes] of entries) {
        const value = bytes === undefined ? undefined : packEntry(version, bytes);
        operations.push([[partition, owner, entry].join(SEPARATOR), value]);
      }
    }
    if (position !== undefined) {
      operations.push([[partition, NOBODY, POSITION].join(SEPARATOR), packPosition(position)]);
    }
    await client.batch(operations);
  }

  async close(): Promise<void> {}

  async shutdown(): Promise<void> {
    await (await this.#client)?.close();
  }

  #opened(): Promise<StorageClient> {
    this.#client ??= this.#open();
    return this.#client;
  }
}
