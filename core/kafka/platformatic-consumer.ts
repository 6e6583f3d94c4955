import {
  type BaseOptions,
  Consumer,
  type ConsumerGroupJoinPayload,
  type GroupPartitionsAssigner,
  MultipleErrors,
} from '@platformatic/kafka';
import type { Timer } from '../clock.ts';
import { assign, type Strategy } from './assign.ts';
import type { ConsumerOptions, Membership, RecordHandler } from './client.ts';
import { kafkaError } from './errors.ts';
import { Fetcher } from './platformatic-fetcher.ts';
import { ConsumedPartition } from './platformatic-partition.ts';

/** See KafkaDriver.join. */
export async function joinGroup(
  base: BaseOptions,
  options: ConsumerOptions,
  topics: readonly string[],
  handler: RecordHandler,
  lost: (error: unknown) => void,
): Promise<Membership> {
  const member = new Member(base, options, handler, lost);
  try {
    await member.join(topics);
  } catch (error) {
    await member.close();
    throw kafkaError('the group cannot be joined', error);
  }
  return member;
}

/**
 * A member of a group. The client keeps the membership; fetching, the positions and the commits are here, so that a
 * partition that was given away and comes back has nothing left of its earlier life.
 */
class Member implements Membership {
  readonly #options: ConsumerOptions;
  readonly #handler: RecordHandler;
  readonly #lost: (error: unknown) => void;
  readonly #group: Consumer;
  readonly #fetcher: Fetcher;
  #partitions = new Map<string, ConsumedPartition>();
  #commits: Timer | undefined;
  #committing: Promise<void> | undefined;
  #closed = false;

  constructor(base: BaseOptions, options: ConsumerOptions, handler: RecordHandler, lost: (error: unknown) => void) {
    this.#options = options;
    this.#handler = handler;
    this.#lost = lost;
    this.#group = new Consumer({
      ...base,
      groupId: options.groupId,
      ...(options.groupInstanceId === '' ? {} : { groupInstanceId: options.groupInstanceId }),
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      heartbeatInterval: options.heartbeatMs,
      protocols: [{ name: options.strategy, version: 1 }],
      partitionAssigner: assigner(options.strategy),
      autocommit: false,
    });
    this.#fetcher = new Fetcher(base, options, lost);
    this.#group.on('consumer:group:join', (joined) => this.#joined(joined));
    this.#group.on('consumer:group:rebalance', () => void this.#commit());
    this.#group.on('consumer:heartbeat:stalled', ({ lastError }) => this.#lose(lastError));
    // a join that failed in the background is told here and nowhere else
    (this.#group as unknown as NodeJS.EventEmitter).on('error', (error) => this.#lose(error));
  }

  async join(topics: readonly string[]): Promise<void> {
    await this.#group.metadata({ topics: [...topics], autocreateTopics: true });
    this.#group.topics.trackAll(...topics);
    await this.#group.joinGroup({});
    const { clock, commitIntervalMs } = this.#options;
    if (commitIntervalMs > 0) this.#commits = clock.every(commitIntervalMs, () => void this.#commit());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#commits?.cancel();
    const partitions = [...this.#partitions.values()];
    for (const partition of partitions) partition.stop();
    await this.#fetcher.close();
    await Promise.all(partitions.map((partition) => this.#revoke(partition)));
    // one that is under way does not have what was done since
    await this.#committing;
    await this.#commit();
    try {
      await this.#group.leaveGroup(true);
      await this.#group.close(true);
    } catch {
      // the group notices by its session timeout
    }
  }

  async #revoke(partition: ConsumedPartition): Promise<void> {
    partition.stop();
    await partition.idle();
    await this.#options.revoked?.(partition.topic, partition.partition);
  }

  #lose(error: unknown): void {
    if (!this.#closed) this.#lost(error ?? new Error('the group does not answer'));
  }

  #joined({ assignments = [] }: ConsumerGroupJoinPayload): void {
    const before = this.#partitions;
    this.#partitions = new Map();
    const fresh: ConsumedPartition[] = [];
    const committed = this.#options.committedOnly ? 'log' : undefined;
    for (const { topic, partitions } of assignments) {
      for (const partition of partitions) {
        const key = `${topic}:${partition}`;
        const kept = before.get(key);
        const current = kept ?? new ConsumedPartition(topic, partition, this.#handler, committed);
        this.#partitions.set(key, current);
        if (kept === undefined) fresh.push(current);
      }
    }
    for (const [key, partition] of before) {
      if (!this.#partitions.has(key)) void this.#revoke(partition);
    }
    this.#open(fresh).catch((error) => this.#lose(error));
  }

  /** Finds out where to begin. */
  async #open(fresh: readonly ConsumedPartition[]): Promise<void> {
    if (fresh.length > 0) {
      const committed = await this.#group.listCommittedOffsets({ topics: byTopic(fresh) });
      for (const one of fresh) {
        const offset = committed.get(one.topic)?.[one.partition];
        if (offset !== undefined && offset >= 0n) one.seek(offset);
      }
      await this.#fetcher.seekInitial(fresh.filter(({ position }) => position === undefined));
    }
    if (this.#closed) return;
    this.#fetcher.fetch([...this.#partitions.values()]);
    if (this.#options.revoked !== undefined) for (const one of fresh) one.announce();
  }

  /** One at a time; what cannot be committed now is committed with the next one. */
  #commit(): Promise<void> {
    this.#committing ??= this.#commitNow().finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  async #commitNow(): Promise<void> {
    const due = [...this.#partitions.values()].filter((partition) => partition.uncommitted);
    if (due.length === 0) return;
    const offsets = due.map(({ topic, partition, next, leaderEpoch }) => ({
      topic,
      partition,
      offset: next,
      leaderEpoch,
    }));
    try {
      await this.#group.commit({ offsets });
      for (const [i, { offset }] of offsets.entries()) due[i]?.committed(offset);
    } catch (error) {
      const { logger } = this.#options;
      logger.debug('Offsets were not committed yet', { error: kafkaError('commit', error).message });
      if (error instanceof MultipleErrors && !this.#group.isActive()) this.#lose(error);
    }
  }
}

/** The client's own takes all members to want the topics of the leader. */
function assigner(strategy: Strategy): GroupPartitionsAssigner {
  return (_current, members, _topics, metadata) => {
    const wishes = [...members].map(([id, { topics }]) => ({ id, topics: topics ?? [] }));
    const assigned = assign(wishes, (topic) => metadata.topics.get(topic)?.partitionsCount ?? 0, strategy);
    return [...assigned].map(([memberId, topics]) => ({
      memberId,
      assignments: new Map([...topics].map(([topic, partitions]) => [topic, { topic, partitions }])),
    }));
  };
}

function byTopic(partitions: readonly ConsumedPartition[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  return [...topics].map(([topic, numbers]) => ({ topic, partitions: numbers }));
}
