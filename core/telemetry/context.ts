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
}

const NO_METADATA: ReadonlyMap<string, readonly string[]> = new Map();

export const EMPTY_CONTEXT: RequestContext = Object.freeze({ transport: '', metadata: NO_METADATA });
