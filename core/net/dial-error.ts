/** Words of the operating system's errors as Go prints them. */
const REASON: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ENOENT: 'no such file or directory',
  EPIPE: 'broken pipe',
  ETIMEDOUT: 'connection timed out',
};

/**
 * What went wrong between us and a peer, in the words that users of the collector search for:
 * `dial tcp 127.0.0.1:4318: connect: connection refused`, `dial tcp: lookup nowhere: no such host`.
 */
export function dialReason(caught: unknown): string {
  const error = (caught instanceof AggregateError && caught.errors.length > 0 ? caught.errors[0] : caught) as Error & {
    readonly code?: string;
    readonly syscall?: string;
    readonly address?: string;
    readonly port?: number;
    readonly hostname?: string;
  };
  if (error.syscall === 'getaddrinfo') return `dial tcp: lookup ${error.hostname}: no such host`;
  const reason = REASON[error.code ?? ''] ?? error.message;
  if (error.syscall !== 'connect') return error.syscall === undefined ? reason : `${error.syscall}: ${reason}`;
  if (error.port === undefined) return `dial unix ${error.address ?? ''}: connect: ${reason}`;
  const host = error.address?.includes(':') ? `[${error.address}]` : error.address;
  return `dial tcp ${host}:${error.port}: connect: ${reason}`;
}
