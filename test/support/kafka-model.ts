/** Kafka in memory, with faults by chance: an input topic, a group, a compacted topic of checkpoints, results. */
import type { KafkaAccess } from '../../core/checkpoints/kafka-store.ts';
import type { ConsumerOptions, KafkaDriver, OutgoingRecord, RecordHandler } from '../../core/kafka/client.ts';
import { ConsumedPartition } from '../../core/kafka/platformatic-partition.ts';
import type { FakeClock } from '../../core/testing/fake-clock.ts';

export const TOPIC = 'input';
/** Longer than a checkpoint may take. */
const LATE_MS = 3_000;
const QUICK_MS = 20;
/** Records of a batch, at most. */
const MOST_RECORDS = 6;

/** A process as the broker sees it. */
export interface Peer {
  readonly clock: FakeClock;
  /** What it has asked for and what is not done yet. If it dies, the broker may do it all the same. */
  readonly pending: Set<() => void>;
}

interface Member {
  readonly peer: Peer;
  readonly partitions: Map<number, ConsumedPartition>;
  readonly handler: RecordHandler;
  readonly options: ConsumerOptions;
  readonly lost: (error: unknown) => void;
}

export class ModelKafka {
  /** Values by partition and offset. */
  readonly input: string[][];
  readonly results: string[] = [];
  readonly committed = new Map<number, bigint>();
  /** How often transactions and readings fail; 0 to 1. */
  faults = 0;
  readonly #random: () => number;
  /** Undefined: compaction took it. */
  readonly #log: ({ readonly key: string; readonly value: Buffer } | undefined)[] = [];
  readonly #epochs = new Map<string, number>();
  readonly #members = new Set<Member>();
  /** Whose a partition is by the group; the member may not have heard of it. */
  readonly #owners = new Map<number, Member>();

  constructor(partitions: number, random: () => number) {
    this.#random = random;
    this.input = Array.from({ length: partitions }, () => []);
  }

  get drained(): boolean {
    return this.input.every((values, partition) => this.committed.get(partition) === BigInt(values.length));
  }

  driverFor(peer: Peer): KafkaDriver {
    return {
      listTopics: async () => [TOPIC],
      producer: () => {
        throw new Error('results go out with checkpoints');
      },
      join: async (options, _topics, handler, lost) => {
        await this.#delay(peer, QUICK_MS);
        const member: Member = { peer, partitions: new Map(), handler, options, lost };
        this.#members.add(member);
        this.balance();
        return { close: () => this.#leave(member) };
      },
    };
  }

  accessFor(peer: Peer): KafkaAccess {
    return {
      producer: async (id) => {
        /** Of the client inside, which is a new one after each failure. */
        let epoch: number | undefined;
        const transact = async (requests: readonly (readonly OutgoingRecord[])[]): Promise<void> => {
          epoch ??= this.#newEpoch(id);
          const own = epoch;
          const commit = (): void => {
            if (this.#epochs.get(id) === own) this.#append(requests.flat());
          };
          const luck = this.#random();
          try {
            peer.pending.add(commit);
            await this.#delay(peer, this.#random() < this.faults ? LATE_MS : QUICK_MS);
            peer.pending.delete(commit);
            if (luck < this.faults / 2) throw new Error('no broker');
            if (this.#epochs.get(id) !== own) throw new Error('fenced');
            commit();
            if (luck < this.faults) throw new Error('no answer');
          } catch (error) {
            epoch = undefined;
            throw error;
          }
        };
        return { transact, send: async () => {}, close: async () => {} };
      },
      read: async (each, lost) => {
        let over = false;
        await this.#delay(peer, QUICK_MS);
        void (async () => {
          for (let i = 0; !over; i++) {
            if (this.#random() < 0.05 || i >= this.#log.length) await this.#delay(peer, QUICK_MS);
            if (this.#random() < this.faults / 50) return lost(new Error('no leader'));
            const record = this.#log[i];
            if (i >= this.#log.length) i--;
            else if (record !== undefined) each(record.key, record.value);
          }
        })();
        return async () => {
          over = true;
        };
      },
    };
  }

  /** Removes what later records of its key have replaced. */
  compact(): void {
    const last = new Map(this.#log.map((record, i) => [record?.key, i]));
    for (const [i, record] of this.#log.entries()) if (last.get(record?.key) !== i) this.#log[i] = undefined;
  }

  /** A member gets some records of one of its partitions. */
  deliver(): void {
    for (const { partitions } of this.#members) {
      for (const [number, partition] of partitions) {
        const { position } = partition;
        if (position === undefined || this.#random() < 0.3) continue;
        const begin = Number(position);
        const values = (this.input[number] ?? []).slice(begin, begin + 1 + Math.floor(this.#random() * MOST_RECORDS));
        if (values.length > 0) partition.receive([batchOf(begin, values)], BigInt(this.input[number]?.length ?? 0));
      }
    }
  }

  /** Members tell the group what is done; of a partition that it gave to another one it does not take that. */
  commit(): void {
    for (const member of this.#members) this.#commit(member, member.partitions);
  }

  /** The group gives partitions to its members; those who lose one hear of it, or only later. */
  balance(unheard = false): void {
    const members = [...this.#members];
    for (let partition = 0; partition < this.input.length; partition++) {
      const to = members[Math.floor(this.#random() * members.length)];
      const from = this.#owners.get(partition);
      if (to === undefined || to === from) continue;
      this.#owners.set(partition, to);
      if (!unheard) this.tell();
      this.#give(to, partition);
    }
  }

  /** Members hear what is not theirs any more. */
  tell(): void {
    for (const member of this.#members) {
      for (const [number, partition] of member.partitions) {
        if (this.#owners.get(number) === member) continue;
        member.partitions.delete(number);
        void this.#revoke(member, number, partition);
      }
    }
  }

  /** The process is gone; what it was doing is done, or not. */
  bury(peer: Peer): void {
    for (const action of peer.pending) if (this.#random() < 0.5) action();
    for (const member of this.#members) if (member.peer === peer) this.#members.delete(member);
    this.balance();
  }

  #give(member: Member, number: number): void {
    // it has not heard that it was without it for a while
    if (member.partitions.has(number)) return;
    const partition = new ConsumedPartition(TOPIC, number, member.handler);
    const first = member.options.initialOffset === 'latest' ? BigInt(this.input[number]?.length ?? 0) : 0n;
    const offset = this.committed.get(number);
    if (offset === undefined) partition.begin(first);
    else partition.seek(offset);
    member.partitions.set(number, partition);
    partition.announce();
  }

  async #revoke(member: Member, number: number, partition: ConsumedPartition): Promise<void> {
    partition.stop();
    await partition.idle();
    await member.options.revoked?.(TOPIC, number);
  }

  async #leave(member: Member): Promise<void> {
    this.#members.delete(member);
    const partitions = new Map(member.partitions);
    for (const partition of partitions.values()) partition.stop();
    await Promise.all([...partitions].map(([number, partition]) => this.#revoke(member, number, partition)));
    this.#commit(member, partitions);
    for (const [number, owner] of this.#owners) if (owner === member) this.#owners.delete(number);
    this.balance();
  }

  #commit(member: Member, partitions: ReadonlyMap<number, ConsumedPartition>): void {
    for (const [number, partition] of partitions) {
      if (this.#owners.get(number) === member && partition.uncommitted) this.committed.set(number, partition.next);
    }
  }

  #newEpoch(id: string): number {
    const epoch = (this.#epochs.get(id) ?? 0) + 1;
    this.#epochs.set(id, epoch);
    return epoch;
  }

  #append(records: readonly OutgoingRecord[]): void {
    for (const { topic, key, value } of records) {
      if (topic === 'results') this.results.push(String(value));
      else this.#log.push({ key: String(key), value });
    }
  }

  #delay(peer: Peer, most: number): Promise<void> {
    return new Promise((resolve) => {
      peer.clock.after(this.#random() * most, resolve);
    });
  }
}

function batchOf(begin: number, values: readonly string[]) {
  const records = values.map((value, offsetDelta) => ({
    ...{ offsetDelta, timestampDelta: 0n, attributes: 0, length: value.length },
    ...{ key: null, value: Buffer.from(value), headers: [] },
  }));
  return {
    ...{ firstOffset: BigInt(begin), lastOffsetDelta: values.length - 1, records, length: 1, partitionLeaderEpoch: 0 },
    ...{ magic: 2, crc: 0, attributes: 0, firstTimestamp: 0n, maxTimestamp: 0n },
    ...{ producerId: -1n, producerEpoch: -1, firstSequence: -1 },
  } as never;
}
