import type { ServerLimit } from '../http2/server-limits.ts';

/** What an HTTP server allows its clients. Sizes in bytes; those of heads and chunks are beside what reads them. */

/** An idle connection takes about 15 KiB, one with TLS 65 KiB. */
export const DEFAULT_MAX_CONNECTIONS = 10_000;
/** For requests of all connections that are not complete: heads, bodies, what was sent behind a request. */
export const RECEIVE_MEMORY = 256 << 20;
/** The same where bodies may be larger: at least so many of the largest. */
export const LARGEST_BODIES = 8;

/** Why a connection was ended or a request refused, as it is counted. */
export type HttpLimit = ServerLimit | 'malformed' | 'body_size' | 'timeout';
