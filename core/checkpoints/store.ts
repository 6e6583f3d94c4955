import type { OutgoingRecord, Partitioner } from '../kafka/client.ts';

/** The entries of one owner in one partition. */
export interface OwnedEntries {
  /** Kind, id and name of the component. */
  readonly owner: string;
  readonly version: number;
  /** Undefined: the entry is gone. */
  readonly entries: ReadonlyMap<string, Buffer | undefined>;
}

/** Everything that was stored of a partition. */
export interface Stored {
  /** Of the source; undefined where there is none. */
  readonly position: bigint | undefined;
  readonly states: readonly (OwnedEntries & { readonly entries: ReadonlyMap<string, Buffer> })[];
}

/** A record that goes out with a snapshot. */
export interface Output {
  readonly record: OutgoingRecord;
  readonly partitioner: Partitioner;
}

/** One checkpoint of one partition. */
export interface Snapshot {
  readonly position: bigint | undefined;
  readonly states: readonly OwnedEntries[];
  readonly outputs: readonly Output[];
}

/** Where snapshots are kept. */
export interface SnapshotStore {
  /** After a failure nobody knows what is stored. */
  readonly isUncertain: boolean;
  /** Takes the partition from whoever had it, and gives what is stored; undefined where that is nothing. */
  open(partition: string): Promise<Stored | undefined>;
  /** All of it, or nothing. */
  store(partition: string, snapshot: Snapshot): Promise<void>;
  close(partition: string): Promise<void>;
  shutdown(): Promise<void>;
}

const POSITION_BYTES = 8;
/** What `packEntry` puts before an entry. */
export const VERSION_BYTES = 4;

/** An entry with the version of its form before it, and before that `head`. */
export function packEntry(version: number, bytes: Buffer, head: Buffer = Buffer.alloc(0)): Buffer {
  const form = Buffer.alloc(VERSION_BYTES);
  form.writeUInt32LE(version);
  return Buffer.concat([head, form, bytes]);
}

export function packPosition(position: bigint): Buffer {
  const bytes = Buffer.alloc(POSITION_BYTES);
  bytes.writeBigInt64LE(position);
  return bytes;
}

export function unpackPosition(bytes: Buffer | undefined): bigint | undefined {
  return bytes === undefined || bytes.length < POSITION_BYTES ? undefined : bytes.readBigInt64LE(0);
}

/** Puts together what was stored. `entries`: by owner and entry, packed. */
export function unpackStates(
  packed: Iterable<readonly [owner: string, entry: string, bytes: Buffer]>,
): Stored['states'] {
  const states = new Map<string, { version: number; entries: Map<string, Buffer> }>();
  for (const [owner, entry, bytes] of packed) {
    if (bytes.length < VERSION_BYTES) continue;
    const version = bytes.readUInt32LE(0);
    let state = states.get(owner);
    // entries of an older version are of a snapshot that a newer one has replaced in part: impossible, unless damaged
    if (state === undefined || state.version < version) {
      state = { version, entries: new Map() };
      states.set(owner, state);
    }
    if (state.version === version) state.entries.set(entry, bytes.subarray(VERSION_BYTES));
  }
  return [...states].map(([owner, state]) => ({ owner, ...state }));
}
