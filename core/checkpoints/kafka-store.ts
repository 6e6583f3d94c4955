import { randomUUID } from 'node:crypto';
import type { ConsumerOptions, OutgoingRecord, Partitioner, TransactionalProducer } from '../kafka/client.ts';
import { fnv1a } from '../kafka/partitioner.ts';
import {
  type Output,
  packEntry,
  packPosition,
  type Snapshot,
  type SnapshotStore,
  type Stored,
  unpackPosition,
  unpackStates,
  VERSION_BYTES,
} from './store.ts';

/** Between the parts of a key: partition, owner, entry, number of the piece. A name never has it. */
const SEPARATOR = '\u0000';
const NOBODY = '';
const POSITION = 'position';
const OPENED = 'opened';
/** A record of a snapshot is not larger; larger entries are several records. Far below what brokers take. */
const LARGEST_PIECE = 256 << 10;
const COUNT_BYTES = 4;
/** What a record takes beside its key and value, at most. */
const RECORD_OVERHEAD = 100;
/** Partitions that are opened at about the same time are read together. */
const GATHER_MS = 50;

/** A mark that is not found while nothing more comes for so long is not there: the partition was taken away again. */
const QUIET_MS = 60_000;

/** What the store needs of Kafka. */
export interface KafkaAccess {
  producer(transactionalId: string, partitioner: Partitioner): Promise<TransactionalProducer>;
  /** Calls with every committed record of the topic from the earliest on, until the returned function is called. */
  read(each: (key: string, value: Buffer) => void, lost: (error: Error) => void): Promise<() => Promise<void>>;
}

export interface KafkaStoreOptions {
  readonly access: KafkaAccess;
  readonly topic: string;
  readonly idPrefix: string;
  readonly maxRequestBytes: number;
  readonly clock: ConsumerOptions['clock'];
}

interface Opening {
  readonly marker: string;
  readonly found: Map<string, Buffer>;
  readonly done: (found: Map<string, Buffer>) => void;
  readonly failed: (error: Error) => void;
}

/**
 * Snapshots in a compacted topic, one transactional producer for each partition of the source. Opening a partition
 * starts its producer anew, which ends the transactions of the one before, wherever that runs: so what is read after
 * that is all there will ever be of it. A checkpoint is one transaction with results, state and position.
 */
export class KafkaStore implements SnapshotStore {
  readonly isUncertain = true;
  readonly #options: KafkaStoreOptions;
  readonly #producers = new Map<string, TransactionalProducer>();
  readonly #partitioners = new Map<string, Partitioner>();
  #waiting = new Map<string, Opening>();

  constructor(options: KafkaStoreOptions) {
    this.#options = options;
  }

  async open(partition: string): Promise<Stored | undefined> {
    await this.close(partition);
    const { access, topic, idPrefix } = this.#options;
    const place = fnv1a(Buffer.from(partition)) >>> 0;
    const producer = await access.producer(`${idPrefix}-${partition}`, (to, key, partitions) =>
      to === topic ? place % partitions : (this.#partitioners.get(to)?.(to, key, partitions) ?? 0),
    );
    this.#producers.set(partition, producer);
    const marker = randomUUID();
    await producer.transact([[this.#record(keyOf(partition, NOBODY, OPENED, 0), Buffer.from(marker))]]);
    const found = await this.#found(partition, marker);
    found.delete(keyOf(partition, NOBODY, OPENED, 0));
    return found.size === 0 ? undefined : storedOf(partition, found);
  }

  async store(partition: string, { position, states, outputs }: Snapshot): Promise<void> {
    const producer = this.#producers.get(partition);
    if (producer === undefined) throw new Error(`${partition} is not open here`);
    const records: OutgoingRecord[] = outputs.map(({ record, partitioner }: Output) => {
      this.#partitioners.set(record.topic, partitioner);
      return record;
    });
    for (const { owner, version, entries } of states) {
      for (const [entry, bytes] of entries) {
        for (const [i, piece] of piecesOf(version, bytes).entries()) {
          records.push(this.#record(keyOf(partition, owner, entry, i), piece));
        }
      }
    }
    if (position !== undefined) {
      records.push(this.#record(keyOf(partition, NOBODY, POSITION, 0), packPosition(position)));
    }
    await producer.transact(requestsOf(records, this.#options.maxRequestBytes));
  }

  async close(partition: string): Promise<void> {
    const producer = this.#producers.get(partition);
    this.#producers.delete(partition);
    await producer?.close().catch(() => {});
  }

  async shutdown(): Promise<void> {
    await Promise.all([...this.#producers.keys()].map((partition) => this.close(partition)));
  }

  #record(key: string, value: Buffer): OutgoingRecord {
    return { topic: this.#options.topic, key: Buffer.from(key), value, headers: [] };
  }

  #found(partition: string, marker: string): Promise<Map<string, Buffer>> {
    return new Promise((done, failed) => {
      if (this.#waiting.size === 0) this.#options.clock.after(GATHER_MS, () => void this.#read());
      this.#waiting.set(partition, { marker, found: new Map(), done, failed });
    });
  }

  /** Until the marks of all that wait were seen: what comes before its mark is all that a partition has. */
  async #read(): Promise<void> {
    const openings = this.#waiting;
    this.#waiting = new Map();
    const { access, clock, topic } = this.#options;
    let end: (() => Promise<void>) | undefined;
    let read = 0;
    let before = -1;
    const watch = clock.every(QUIET_MS, () => {
      if (read === before) finish(new Error(`the mark that opens the partition is not in ${topic} any more`));
      before = read;
    });
    const finish = (error?: Error): void => {
      for (const { failed } of openings.values()) if (error !== undefined) failed(error);
      openings.clear();
      watch.cancel();
      void end?.();
    };
    const each = (key: string, value: Buffer): void => {
      read++;
      const partition = key.slice(0, key.indexOf(SEPARATOR));
      const opening = openings.get(partition);
      if (opening === undefined) return;
      opening.found.set(key, value);
      if (key !== keyOf(partition, NOBODY, OPENED, 0) || value.toString() !== opening.marker) return;
      openings.delete(partition);
      opening.done(opening.found);
      if (openings.size === 0) finish();
    };
    try {
      end = await access.read(each, finish);
      if (openings.size === 0) await end();
    } catch (error) {
      finish(error as Error);
    }
  }
}

function keyOf(partition: string, owner: string, entry: string, piece: number): string {
  return [partition, owner, entry, piece].join(SEPARATOR);
}

/**
 * The records of an entry. The first begins with how many there are, as those beyond are of an older, larger value;
 * then come the bytes as `packEntry` has them. Of an entry that is gone there are none.
 */
function piecesOf(version: number, bytes: Buffer | undefined): Buffer[] {
  const head = Buffer.alloc(COUNT_BYTES);
  if (bytes === undefined) {
    head.writeUInt32LE(1);
    return [head];
  }
  const inFirst = LARGEST_PIECE - VERSION_BYTES;
  const pieces = [packEntry(version, bytes.subarray(0, inFirst), head)];
  for (let at = inFirst; at < bytes.length; at += LARGEST_PIECE) pieces.push(bytes.subarray(at, at + LARGEST_PIECE));
  pieces[0]?.writeUInt32LE(pieces.length);
  return pieces;
}

function storedOf(partition: string, found: ReadonlyMap<string, Buffer>): Stored {
  const packed: [string, string, Buffer][] = [];
  for (const [key, first] of found) {
    const [, owner = '', entry = '', piece = ''] = key.split(SEPARATOR);
    if (owner === NOBODY || piece !== '0' || first.length <= COUNT_BYTES) continue;
    const pieces = [first.subarray(COUNT_BYTES)];
    for (let i = 1; i < first.readUInt32LE(0); i++) {
      const next = found.get(keyOf(partition, owner, entry, i));
      if (next === undefined)
        throw new Error(`the snapshot of ${partition} is damaged: piece ${i} of ${owner} ${entry}`);
      pieces.push(next);
    }
    packed.push([owner, entry, Buffer.concat(pieces)]);
  }
  return {
    position: unpackPosition(found.get(keyOf(partition, NOBODY, POSITION, 0))),
    states: unpackStates(packed),
  };
}

/** In their order, each request below the limit; a record that is larger goes alone and is the broker's to refuse. */
function requestsOf(records: readonly OutgoingRecord[], maxBytes: number): OutgoingRecord[][] {
  const requests: OutgoingRecord[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const bytes = (record.key?.length ?? 0) + record.value.length + RECORD_OVERHEAD;
    if (size + bytes > maxBytes) {
      requests.push([]);
      size = 0;
    }
    size += bytes;
    requests.at(-1)?.push(record);
  }
  return requests;
}
