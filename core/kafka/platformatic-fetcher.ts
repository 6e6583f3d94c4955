import { type BaseOptions, Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import type { ConsumerOptions } from './client.ts';
import type { ConsumedPartition } from './platformatic-partition.ts';

/** What was committed is found by the partition itself. */
const UNCOMMITTED = 0;

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

interface Failure {
  readonly apiId?: string;
  readonly errors?: readonly Failure[];
  readonly cause?: Failure;
}

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
    return metadata.topics.get(topic)?.partitionsCount ?? 0;
  }

  /** Sets the position of partitions for which there is no offset, or none that exists. */
  async seekInitial(partitions: readonly ConsumedPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    const { initialOffset } = this.#options;
    const timestamp = initialOffset === 'earliest' ? ListOffsetTimestamps.EARLIEST : ListOffsetTimestamps.LATEST;
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const offsets = await this.#client.listOffsets({ topics, timestamp });
    for (const partition of partitions) partition.seek(offsets.get(partition.topic)?.[partition.partition] ?? 0n);
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
      this.#look().catch((error) => this.#failed(error, []));
    });
  }

  async #look(): Promise<void> {
    const ready = this.#partitions.filter(
      (one) => !one.stopped && one.position !== undefined && one.waiting < this.#options.maxBytesPerPartition,
    );
    if (ready.length === 0 || this.#closed) return;
    const topics = [...new Set(ready.map(({ topic }) => topic))];
    const metadata = await this.#client.metadata({ topics });
    const nodes = new Map<number, ConsumedPartition[]>();
    for (const one of ready) {
      const leader = metadata.topics.get(one.topic)?.partitions[one.partition]?.leader;
      if (leader === undefined || leader < 0 || this.#busy.has(leader)) continue;
      nodes.set(leader, [...(nodes.get(leader) ?? []), one]);
    }
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
          this.#failed(error, partitions);
        },
      );
    }
  }

  async #fetchFrom(
    node: number,
    partitions: readonly ConsumedPartition[],
    topics: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { minBytes, maxBytes, maxWaitMs } = this.#options;
    const response = await this.#client.fetch({
      node,
      minBytes,
      maxBytes,
      maxWaitTime: maxWaitMs,
      isolationLevel: UNCOMMITTED,
      topics: this.#requests(partitions, topics),
    });
    this.#receive(response, partitions, topics);
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

  #receive(
    response: FetchResponse,
    partitions: readonly ConsumedPartition[],
    topics: ReadonlyMap<string, string>,
  ): void {
    for (const { topicId, partitions: answers } of response.responses) {
      const topic = topics.get(topicId);
      for (const { partitionIndex, records, highWatermark } of answers) {
        const partition = partitions.find((one) => one.topic === topic && one.partition === partitionIndex);
        if (records && records.length > 0) partition?.receive(records, highWatermark);
      }
    }
  }

  /** Leaders move and offsets expire; only what stays broken ends the membership. */
  #failed(error: unknown, partitions: readonly ConsumedPartition[]): void {
    if (this.#closed) return;
    this.#failures++;
    if (this.#failures > this.#options.retries) {
      this.#lost(error);
      return;
    }
    this.#client.clearMetadata();
    const again = () => {
      const ready = hasReason(error as Failure, 'OFFSET_OUT_OF_RANGE') ? this.seekInitial(partitions) : undefined;
      Promise.resolve(ready).then(
        () => this.#soon(),
        (failure) => this.#failed(failure, partitions),
      );
    };
    this.#options.clock.after(this.#options.retryDelayMs, again);
  }
}

function hasReason(error: Failure | undefined, apiId: string): boolean {
  if (error === undefined || error === null) return false;
  return (
    error.apiId === apiId || hasReason(error.cause, apiId) || (error.errors ?? []).some((one) => hasReason(one, apiId))
  );
}
