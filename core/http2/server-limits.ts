/**
 * What a gRPC server allows its clients. Durations in milliseconds, sizes in bytes. Limits of frames and header blocks
 * are beside the code that reads them.
 */

/** What connections are looked at for in turn: a limit of time is late by at most this. */
export const SWEEP_MS = 1000;
/** From the connect to the client's SETTINGS, TLS included; the limit of grpc-go. */
export const START_TIMEOUT_MS = 120_000;
/** From a request's headers to its end. Exporters give up after 5 to 30 s. Also for one header block. */
export const REQUEST_TIMEOUT_MS = 120_000;
/** So long a client may leave its answers unread; nothing more is read from it meanwhile. */
export const SLOW_READER_MS = 60_000;
/** Answers to one connection, beyond those to one read, that the client has not read; then no more is read from it. */
export const UNREAD_ANSWERS = 64 << 10;
/** An idle connection takes about 15 KiB, one with TLS 65 KiB. */
export const DEFAULT_MAX_CONNECTIONS = 10_000;
/** For requests of all connections that are not complete: hundreds of the usual 100 KiB, and room for large ones. */
export const RECEIVE_MEMORY = 256 << 20;
/** The same where messages may be larger: at least so many of the largest. */
export const LARGEST_MESSAGES = 8;
/** A stream without its headers and message. */
export const STREAM_COST = 1024;

/** Why a connection was ended or a request refused, as it is counted. */
export type ServerLimit =
  | 'connections'
  | 'not_http2'
  | 'protocol'
  | 'start_timeout'
  | 'header_size'
  | 'control_frames'
  | 'pings'
  | 'concurrent_streams'
  | 'message_size'
  | 'receive_memory'
  | 'request_timeout'
  | 'slow_reader';
