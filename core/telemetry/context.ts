/**
 * What is known about the request that brought a batch in. Frozen, shared by all batches of a request; lost where
 * batches of different requests are merged, as in the collector.
 */
export interface RequestContext {
  /** `grpc`, `http` …: the `transport` label of receiver metrics. */
  readonly transport: string;
  /** Request headers by lower-case name; empty unless the receiver has `include_metadata: true`. */
  readonly metadata: ReadonlyMap<string, readonly string[]>;
  /** The client's IP address, where there is one. */
  readonly address?: string;
  /** Attributes that a server authenticator put on the request. */
  readonly auth?: ReadonlyMap<string, string>;
  /** Set where the batch is a piece of an ordered stream that is divided into partitions. */
  readonly stream?: StreamOrigin;
}

/**
 * Which part of an ordered stream a batch is of. Batches of a partition come one after the other, and state that was
 * made from a partition goes where the partition goes.
 */
export interface StreamOrigin {
  /** Unique in the process, the same after a restart and in every process that gets it: `otel-metrics/3`. */
  readonly partition: string;
  /** The sender also calls `Consumer.watermark` for this partition; otherwise event time is found from the items. */
  readonly watermarked: boolean;
  /** Where the sender hands on again what was refused: who took a part of it already passes over that part. */
  readonly delivery?: StreamDelivery;
}

/** One of the attempts to hand on what is at a position of a partition. */
export interface StreamDelivery {
  readonly position: bigint;
  /** From 0 on. */
  readonly attempt: number;
}

/** The partition of what comes in without one, as over OTLP. */
export const NO_PARTITION = '';

const NO_METADATA: ReadonlyMap<string, readonly string[]> = new Map();

export const EMPTY_CONTEXT: RequestContext = Object.freeze({ transport: '', metadata: NO_METADATA });
