import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Strategy } from './assign.ts';

/**
 * What we need of a Kafka client. Two published clients are behind it (`driver.ts`), which pass the same tests; nothing
 * else in the program knows them.
 */
export interface KafkaDriver {
  producer(options: ProducerOptions): KafkaProducer;
  listTopics(options: ClientOptions): Promise<string[]>;
  /**
   * Becomes a member of the group and hands records to the handler until it is closed. Where it cannot go on (no
   * broker for longer than its retries take), it calls `lost` once and is of no more use but to be closed.
   */
  join(
    options: ConsumerOptions,
    topics: readonly string[],
    handler: RecordHandler,
    lost: (error: unknown) => void,
  ): Promise<Membership>;
}

export interface ClientOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Plain text where it is undefined. */
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: Sasl | undefined;
  /** Milliseconds for one request, connecting included. */
  readonly requestTimeoutMs: number;
  /** Topics and their leaders are asked for again after so many milliseconds. */
  readonly metadataMaxAgeMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

export type Sasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
    }
  /** The token is asked for at each connection. */
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: () => Promise<string> };

export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Codec = (typeof CODECS)[number];

/** Chooses a partition below `partitions`; asked once per record, in their order. */
export type Partitioner = (topic: string, key: Buffer | undefined, partitions: number) => number;

export interface ProducerOptions extends ClientOptions {
  /** -1: all replicas in sync, 1: the leader, 0: nobody answers. */
  readonly acks: -1 | 0 | 1;
  readonly codec: Codec;
  /** The broker drops what a retry inside the client would double. Needs `acks` -1. */
  readonly idempotent: boolean;
  /** Each `send` is one transaction. Empty: none. */
  readonly transactionalId: string;
  readonly autoCreateTopics: boolean;
  readonly partitioner: Partitioner;
}

export interface OutgoingRecord {
  readonly topic: string;
  readonly key: Buffer | undefined;
  readonly value: Buffer;
  readonly headers: readonly (readonly [string, string])[];
}

export interface KafkaProducer {
  /**
   * Resolves when the brokers have all records as `acks` says. Records of one partition go in one batch, in their
   * order; whoever calls sees to it that it is not too large. Connects when it has to. Rejects with a PipelineError.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** A producer with a `transactionalId`: starting one ends the transactions of the one before it with this id. */
export interface TransactionalProducer extends KafkaProducer {
  /** Several requests as one transaction. Where it fails, nobody knows whether it was committed. */
  transact(requests: readonly (readonly OutgoingRecord[])[]): Promise<void>;
}

export interface ConsumerOptions extends ClientOptions {
  readonly groupId: string;
  /** Static membership where it is not empty. */
  readonly groupInstanceId: string;
  /** All members of a group have to agree on it. */
  readonly strategy: Strategy;
  readonly initialOffset: 'latest' | 'earliest';
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  readonly maxWaitMs: number;
  /** Milliseconds between commits; 0 commits only when a partition is given away and at the end. */
  readonly commitIntervalMs: number;
  /** Leaves out what belongs to transactions that were not committed. */
  readonly committedOnly: boolean;
  /**
   * With it the handler is called for each partition that is got, first without records.
   * Called when a partition is not this member's any more, and at the end, once its handler has ended; what it calls
   * done is still committed, if it can be.
   */
  readonly revoked?: (topic: string, partition: number) => Promise<void>;
}

export interface IncomingRecord {
  readonly offset: bigint;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
  readonly key: Buffer | undefined;
  readonly value: Buffer;
  readonly headers: readonly (readonly [string, Buffer])[];
}

/** Records of one partition in their order. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly IncomingRecord[];
  /** The offset that the next record of the partition will get, as far as known. */
  readonly highWatermark: bigint;
  /** False once the partition is another member's or the consumer stops: what is left must not be handed on. */
  active(): boolean;
  /**
   * Where reading began behind `offset`, begins again there and says so: this batch must not be handed on then. Absent
   * where the driver cannot.
   */
  rewind?(offset: bigint): boolean;
  /** This record and all before it are done: their offset is committed, soon, or before the partition is given away. */
  done(record: Pick<IncomingRecord, 'offset'>): void;
}

/**
 * Called with the records of a partition; again for this partition only after its promise resolved, for others
 * meanwhile. It resolves when all records are done or the batch is no longer active. While it waits, at most some
 * fetches are kept in memory.
 */
export type RecordHandler = (batch: RecordBatch) => Promise<void>;

export interface Membership {
  /** Waits for the handlers, commits, leaves the group; never rejects. */
  close(): Promise<void>;
}
