import type { TlsOptions } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { ListenAddress } from '../net/listen.ts';
import type { Peer } from '../net/peer.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import type { HttpLimit } from './limits.ts';
import type { HttpResponse } from './response.ts';

/** One request with its whole body. `respond` ends it, at once or later; a second answer is ignored. */
export interface HttpRequest {
  /** Of HTTP, as metrics name it. */
  readonly version: '1.0' | '1.1' | '2.0';
  readonly method: string;
  /** As sent, percent-encoding included, without the query. */
  readonly path: string;
  /** Without the `?`; empty where there is none. */
  readonly query: string;
  readonly peer: Peer;
  /** The handler owns one reference to `body.slab`, whatever it answers. */
  readonly body: ByteRange;
  /** The body passed the limit; `body` is empty and the connection is closed after the answer. */
  readonly bodyTooLarge: boolean;
  /** What the `authenticate` option returned. */
  readonly auth: ReadonlyMap<string, string> | undefined;
  /** What it threw; then the body was not read, and the connection is closed after the answer. */
  readonly denied: { readonly error: unknown } | undefined;
  /** The client ended its side or is gone before it was answered. */
  readonly cancelled: boolean;
  /** The first value of a header, by lower-case name. */
  header(name: string): string | undefined;
  /** All headers by lower-case name. */
  headers(): ReadonlyMap<string, readonly string[]>;
  respond(response: HttpResponse): void;
}

/** Must answer the request, now or later. What it throws is answered with 500. */
export type HttpHandler = (request: HttpRequest) => void;

/** Durations in milliseconds, 0 for none; meant as in https://pkg.go.dev/net/http#Server */
export interface HttpTimeouts {
  /** From the first byte of a request (the connect for the first one) to the end of its headers. */
  readonly readHeaderMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly readMs: number;
  /** From the end of the headers until the answer is written. */
  readonly writeMs: number;
  /** Between two requests. */
  readonly idleMs: number;
}

export interface HttpServerOptions {
  readonly address: ListenAddress;
  /** Undefined: plaintext. ALPN `h2` and `http/1.1` are added. */
  readonly tls?: TlsOptions | undefined;
  readonly handler: HttpHandler;
  readonly maxBodyBytes: number;
  readonly timeouts: HttpTimeouts;
  /** False closes a connection after each answer. */
  readonly keepAlive: boolean;
  /** Runs when the head is there and before any of the body is kept. Throws or rejects to refuse. */
  readonly authenticate?:
    | ((
        request: HttpRequest,
      ) => ReadonlyMap<string, string> | undefined | Promise<ReadonlyMap<string, string> | undefined>)
    | undefined;
  /** At a time; one more is closed at once. Default 10,000. */
  readonly maxConnections?: number | undefined;
  /** Hears of each connection that was ended and each request that was refused for a limit. */
  readonly onLimit?: ((limit: HttpLimit) => void) | undefined;
  readonly clock: Clock;
  /** Hears of what no request can be told: failed handshakes, exceptions of the handler. */
  readonly onError?: ((error: Error) => void) | undefined;
}
