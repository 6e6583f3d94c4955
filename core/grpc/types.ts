import type { ConnectionOptions, TlsOptions } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { KeepaliveEnforcement, ServerKeepalive } from '../http2/server-keepalive.ts';
import type { ServerLimit } from '../http2/server-limits.ts';
import type { Peer } from '../net/peer.ts';
import type { StatusCode } from '../status-code.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';

/** Where to listen or to connect: TCP (port 0 when listening: any free one) or a Unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Undoes one message compression. The result holds a slab reference of its own where it lies in a slab; the input's
 * reference stays with the caller. It throws (or rejects with) a GrpcError to choose the status, RESOURCE_EXHAUSTED
 * when the output would pass `maxBytes`; anything else thrown becomes INTERNAL.
 */
export type Decompress = (message: ByteRange, maxBytes: number) => ByteRange | Promise<ByteRange>;

/** By `grpc-encoding` name (`gzip` …); the names are announced to the peer as `grpc-accept-encoding`. */
export type Decompressors = ReadonlyMap<string, Decompress>;

/** How a call ended when not with OK. */
export interface GrpcFailure {
  readonly code: StatusCode;
  readonly message: string;
  /** An encoded `google.rpc.Status` (RetryInfo lives there), carried as `grpc-status-details-bin`. */
  readonly details?: Uint8Array | undefined;
}

/** One unary call at the server. `reply` or `fail` ends it, at once or later; a second answer is ignored. */
export interface UnaryCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The request message, decompressed. The handler owns one reference to `message.slab`, whatever it answers. */
  readonly message: ByteRange;
  readonly peer: Peer;
  /** On the monotonic clock in milliseconds; undefined where the client set none. */
  readonly deadline: number | undefined;
  /** The client has given up or is gone: an answer reaches nobody. */
  readonly cancelled: boolean;
  /** What the `authenticate` option returned. */
  readonly auth: ReadonlyMap<string, string> | undefined;
  /** The first value of a header, by lower-case name. */
  header(name: string): string | undefined;
  /** Request metadata by lower-case name as a gRPC application sees it (`:authority` in, protocol headers out). */
  headers(): ReadonlyMap<string, readonly string[]>;
  /** Ends the call with OK and one message; the bytes are copied before the call returns or sent unchanged later. */
  reply(message: Uint8Array): void;
  fail(failure: GrpcFailure): void;
}

/** Must answer the call, now or later. What it throws is answered with INTERNAL. */
export type UnaryHandler = (call: UnaryCall) => void;

export interface GrpcServerOptions {
  readonly endpoint: Endpoint;
  /** Undefined: plaintext. ALPN `h2` is added. */
  readonly tls?: TlsOptions | undefined;
  /** Served paths; any other call is UNIMPLEMENTED. Method name → handler, e.g. `/opentelemetry…/Export`. */
  readonly methods: ReadonlyMap<string, UnaryHandler>;
  /** Before and after decompression. Default 4 MiB. */
  readonly maxReceiveMessageBytes?: number | undefined;
  /** Calls at a time on one connection. Default 1024. */
  readonly maxConcurrentStreams?: number | undefined;
  readonly keepalive?: ServerKeepalive | undefined;
  readonly enforcement?: KeepaliveEnforcement | undefined;
  readonly decompressors?: Decompressors | undefined;
  /**
   * Runs when the headers are there and before the message is kept (`call.message` is not to be touched). Throws or
   * rejects with a GrpcError to refuse; any other error is UNAUTHENTICATED. The result is `call.auth`.
   */
  readonly authenticate?:
    | ((call: UnaryCall) => ReadonlyMap<string, string> | undefined | Promise<ReadonlyMap<string, string> | undefined>)
    | undefined;
  /** Hears of what no call can be told: failed handshakes, accept errors. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** At a time; one more is closed at once. Default 10,000. */
  readonly maxConnections?: number | undefined;
  /** Hears of each connection that was ended and each request that was refused for a limit. */
  readonly onLimit?: ((limit: ServerLimit) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/** Durations in milliseconds. Source: https://pkg.go.dev/google.golang.org/grpc/keepalive#ClientParameters */
export interface ClientKeepalive {
  readonly timeMs: number;
  readonly timeoutMs: number;
  readonly permitWithoutStream: boolean;
}

export interface GrpcClientOptions {
  readonly endpoint: Endpoint;
  /** Undefined: plaintext. ALPN `h2` is added. */
  readonly tls?: ConnectionOptions | undefined;
  /** The `:authority`; default: the endpoint's host and port. */
  readonly authority?: string | undefined;
  readonly userAgent?: string | undefined;
  /** Sent with every call. Names are made lower-case; `-bin` values are given in base64. */
  readonly metadata?: Iterable<readonly [string, string]> | undefined;
  readonly keepalive?: ClientKeepalive | undefined;
  /** While there is no connection: true makes calls wait for one until their deadline, false fails them. */
  readonly waitForReady?: boolean | undefined;
  /** Of a response message, before and after decompression. Default 4 MiB. */
  readonly maxReceiveMessageBytes?: number | undefined;
  readonly decompressors?: Decompressors | undefined;
  /** Default 20 s. */
  readonly connectTimeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

export interface UnaryOptions {
  /** Undefined or 0: no deadline. */
  readonly timeoutMs?: number | undefined;
  /** `grpc-encoding` of the message; undefined where it is not compressed. */
  readonly encoding?: string | undefined;
  /** For this call, after the client's own. */
  readonly metadata?: Iterable<readonly [string, string]> | undefined;
}

export interface UnaryResponse {
  /** Not pooled: the caller may keep it. */
  readonly message: Buffer;
}
