import { type BaseOptions, Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import type { ConsumerOptions } from './client.ts';
import { Answers, type Failure, type Outside, PartialFetch, responseIn } from './platformatic-answers.ts';
import type { ConsumedPartition } from './platformatic-partition.ts';

/** What was committed is found by the partition itself. */
const UNCOMMITTED = 0;

/**
 * Asks the leaders of partitions for records, one request to a broker at a time. A partition whose records wait for a
 * handler is left out meanwhile, which is all that bounds memory. It has connections of its own: a broker answers one
 * request of a connection after the other, and a heartbeat must not wait for records.
 */
export class Fetcher {
  readonly #options: ConsumerOptions;
  readonly #lost: (error: unknown) => void;
  readonly #client: Consumer;
  readonly #busy = new Set<number>();
  /** Nobody knows yet where they go on. */
  readonly #outside = new Set<ConsumedPartition>();
  #partitions: readonly ConsumedPartition[] = [];
  #failures = 0;
  #scheduled = false;
  #closed = false;

  constructor(base: BaseOptions, options: ConsumerOptions, lost: (error: unknown) => void) {
    this.#options = options;
    this.#lost = lost;
    this.#client = new Consumer({ ...base, groupId: options.groupId, retries: 0 });
  }

  /** From now on fetches these, which know their positions. */
  fetch(partitions: readonly ConsumedPartition[]): void {
    this.#partitions = partitions;
    for (const partition of partitions) partition.onRoom = () => this.#soon();
    this.#soon();
  }

  async partitionsOf(topic: string): Promise<number> {
    const metadata = await this.#client.metadata({ topics: [topic], autocreateTopics: true });
    const count = metadata.topics.get(topic)?.partitionsCount ?? 0;
    if (count === 0) throw new Error(`topic ${topic} has no partitions yet`);
    return count;
  }

  /** Sets the position of partitions for which there is no offset, or none that exists. */
  async seekInitial(partitions: readonly ConsumedPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    const { initialOffset } = this.#options;
    const timestamp = initialOffset === 'earliest' ? ListOffsetTimestamps.EARLIEST : ListOffsetTimestamps.LATEST;
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const offsets = await this.#client.listOffsets({ topics, timestamp });
    for (const partition of partitions) partition.begin(offsets.get(partition.topic)?.[partition.partition] ?? 0n);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#client.close(true).catch(() => {});
  }

  /** Several reasons to look at once make one look. */
  #soon(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#look().catch((error) => this.#failed(error));
    });
  }

  async #look(): Promise<void> {
    const ready = this.#partitions.filter(
      (one) =>
        !one.stopped &&
        one.position !== undefined &&
        one.waiting < this.#options.maxBytesPerPartition &&
        !this.#outside.has(one),
    );
    if (ready.length === 0 || this.#closed) return;
    const topics = [...new Set(ready.map(({ topic }) => topic))];
    const metadata = await this.#client.metadata({ topics });
    const nodes = new Map<number, ConsumedPartition[]>();
    let isOrphaned = false;
    for (const one of ready) {
      const leader = metadata.topics.get(one.topic)?.partitions[one.partition]?.leader;
      if (leader === undefined || leader < 0) isOrphaned = true;
      if (leader === undefined || leader < 0 || this.#busy.has(leader)) continue;
      nodes.set(leader, [...(nodes.get(leader) ?? []), one]);
    }
    if (isOrphaned) this.#lookAgain();
    const ids = new Map(topics.map((topic) => [metadata.topics.get(topic)?.id ?? '', topic]));
    for (const [node, partitions] of nodes) {
      this.#busy.add(node);
      this.#fetchFrom(node, partitions, ids).then(
        () => {
          this.#failures = 0;
          this.#busy.delete(node);
          this.#soon();
        },
        (error) => {
          this.#busy.delete(node);
          this.#failed(error);
        },
      );
    }
  }

  /** Somebody will be the leader. */
  #lookAgain(): void {
    this.#client.clearMetadata();
    this.#options.clock.after(this.#options.retryDelayMs, () => this.#soon());
  }

  async #fetchFrom(
    node: number,
    partitions: readonly ConsumedPartition[],
    topics: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { minBytes, maxBytes, maxWaitMs } = this.#options;
    const asked = new Map(partitions.map((one) => [one, one.position]));
    const answers = new Answers(partitions, topics, (one) => one.position === asked.get(one));
    try {
      const response = await this.#client.fetch({
        node,
        minBytes,
        maxBytes,
        maxWaitTime: maxWaitMs,
        isolationLevel: UNCOMMITTED,
        topics: this.#requests(partitions, topics),
      });
      answers.receive(response);
    } catch (error) {
      // an answer that is an error for one partition has the records of the others all the same
      const response = responseIn(error as Failure);
      if (response === undefined) throw error;
      answers.receive(response);
      throw new PartialFetch(error, answers.outside(response));
    }
  }

  #requests(partitions: readonly ConsumedPartition[], topics: ReadonlyMap<string, string>) {
    return [...topics].map(([topicId, topic]) => ({
      topicId,
      partitions: partitions
        .filter((one) => one.topic === topic)
        .map((one) => ({
          partition: one.partition,
          fetchOffset: one.position ?? 0n,
          partitionMaxBytes: this.#options.maxBytesPerPartition,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
        })),
    }));
  }

  /** What they were to read next is not there, or not any more. */
  async #goOn(outside: readonly Outside[]): Promise<void> {
    // another answer may have said the same
    const still = outside.filter(
      ({ partition, offset }) => partition.position === offset && !this.#outside.has(partition),
    );
    const partitions = still.map(({ partition }) => partition);
    for (const one of partitions) this.#outside.add(one);
    await this.seekInitial(partitions).finally(() => {
      for (const one of partitions) this.#outside.delete(one);
    });
    for (const { partition: one, offset } of still) {
      const fields = { topic: one.topic, partition: one.partition, offset: String(offset), next: String(one.position) };
      this.#options.logger.warn('Records are not there any more, reading goes on elsewhere', fields);
    }
  }

  /** Leaders move and offsets expire; only what stays broken ends the membership. */
  #failed(error: unknown): void {
    if (this.#closed) return;
    this.#failures++;
    if (this.#failures > this.#options.retries) {
      this.#lost(error);
      return;
    }
    this.#client.clearMetadata();
    const outside = error instanceof PartialFetch ? error.outside : [];
    const again = () => {
      this.#goOn(outside).then(
        () => this.#soon(),
        (failure) => this.#failed(failure),
      );
    };
    this.#options.clock.after(this.#options.retryDelayMs, again);
  }
}
