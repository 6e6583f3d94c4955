import type { Consumer } from '@platformatic/kafka';
import type { ConsumedPartition } from './platformatic-partition.ts';

/** What a broker says where a partition has nothing at the offset that was asked for. */
const OFFSET_OUT_OF_RANGE = 1;

export type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

/** Enough of what the client throws. */
export interface Failure {
  readonly response?: FetchResponse;
  readonly errors?: readonly Failure[];
  readonly cause?: Failure;
}

/** A partition that has nothing at the offset that was asked for. */
export interface Outside {
  readonly partition: ConsumedPartition;
  readonly offset: bigint | undefined;
}

/** A fetch that failed for some of its partitions. */
export class PartialFetch extends Error {
  /** Those whose offset is not there, with it. */
  readonly outside: readonly Outside[];

  constructor(cause: unknown, outside: readonly Outside[]) {
    super('records cannot be fetched', { cause });
    this.outside = outside;
  }
}

/** Errors of the client hold others, some of them themselves. */
const MAX_DEPTH = 4;

/** The answer that the client took for a failure, because one partition of it is. */
export function responseIn(error: Failure | undefined, depth = 0): FetchResponse | undefined {
  if (error === undefined || error === null || depth > MAX_DEPTH) return undefined;
  if (Array.isArray(error.response?.responses)) return error.response;
  for (const inner of [error.cause, ...(error.errors ?? [])]) {
    const found = responseIn(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Brings what a broker answers to the partitions that were asked for. */
export class Answers {
  readonly #partitions: readonly ConsumedPartition[];
  readonly #topics: ReadonlyMap<string, string>;
  readonly #current: (partition: ConsumedPartition) => boolean;

  /** `topics`: names by id. `current`: whether a partition is still where it was when it was asked for. */
  constructor(
    partitions: readonly ConsumedPartition[],
    topics: ReadonlyMap<string, string>,
    current: (partition: ConsumedPartition) => boolean,
  ) {
    this.#partitions = partitions;
    this.#topics = topics;
    this.#current = current;
  }

  receive(response: FetchResponse): void {
    for (const [partition, { records, highWatermark }] of this.#answers(response)) {
      if (records && records.length > 0) partition.receive(records, highWatermark);
    }
  }

  outside(response: FetchResponse): Outside[] {
    return [...this.#answers(response)]
      .filter(([, { errorCode }]) => errorCode === OFFSET_OUT_OF_RANGE)
      .map(([partition]) => ({ partition, offset: partition.position }));
  }

  *#answers({ responses }: FetchResponse) {
    for (const { topicId, partitions } of responses) {
      const topic = this.#topics.get(topicId);
      for (const answer of partitions) {
        const partition = this.#partitions.find(
          (one) => one.topic === topic && one.partition === answer.partitionIndex && this.#current(one),
        );
        if (partition !== undefined) yield [partition, answer] as const;
      }
    }
  }
}
