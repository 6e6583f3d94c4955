import { lookup } from 'node:dns/promises';
import type { AddressInfo, ListenOptions, Server } from 'node:net';
import { isIP } from 'node:net';

/** The part of a server section that says where it listens. */
export interface ListenAddress {
  /** `host:port`; an empty host means all interfaces. A path for `unix`. */
  readonly endpoint: string;
  /** Default `tcp`. */
  readonly transport?: string;
}

/** Port 0 where nothing listens on a port. */
export interface Listening {
  readonly host: string;
  readonly port: number;
}

/**
 * Starts to listen. Fails with the collector's sentence: `listen tcp 127.0.0.1:8888: bind: address already in use`.
 * Of a host name the IPv4 address is taken first, so that `localhost` is 127.0.0.1 wherever both exist.
 */
export async function listen(server: Server, address: ListenAddress): Promise<Listening> {
  const transport = address.transport === undefined || address.transport === '' ? 'tcp' : address.transport;
  const options = await listenOptions(transport, address.endpoint);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(listenError(transport, address.endpoint, error));
    server.once('error', failed);
    server.listen(options, () => {
      server.removeListener('error', failed);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo | string | null;
  if (bound === null || typeof bound === 'string') return { host: address.endpoint, port: 0 };
  return { host: bound.address, port: bound.port };
}

/** What `net.Server.listen` takes for an endpoint as it stands in a configuration. Fails as `listen` does. */
export async function listenOptions(transport: string, endpoint: string): Promise<ListenOptions> {
  if (transport === 'unix' || transport === 'npipe') return { path: endpoint };
  if (!transport.startsWith('tcp')) throw new Error(`listen ${transport} ${endpoint}: not supported for servers`);
  const { host, port } = splitHostPort(endpoint, `listen ${transport}`);
  const ipv6Only = transport === 'tcp6';
  // without a host Node takes all addresses of both families, also where the machine has no IPv6
  if (host === '' && transport === 'tcp') return { port, host };
  if (host === '') return { port, host: ipv6Only ? '::' : '0.0.0.0', ipv6Only };
  if (isIP(host) !== 0) return { port, host, ipv6Only };
  try {
    const { address } = await lookup(host, { order: ipv6Only ? 'ipv6first' : 'ipv4first' });
    return { port, host: address, ipv6Only };
  } catch (error) {
    throw new Error(`listen ${transport}: lookup ${host}: no such host`, { cause: error });
  }
}

/** `[::1]:4317`, `localhost:4317`, `:4317`. Throws with `context` in front. */
export function splitHostPort(endpoint: string, context: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d*)$/.exec(endpoint);
  if (match === null) {
    const colons = endpoint.split(':').length - 1;
    const why = colons === 0 ? 'missing port in address' : colons > 1 ? 'too many colons in address' : 'invalid port';
    throw new Error(`${context}: address ${endpoint}: ${why}`);
  }
  const port = Number(match[3]);
  if (port > MAX_PORT) throw new Error(`${context}: address ${match[3]}: invalid port`);
  return { host: match[1] ?? match[2] ?? '', port };
}

const MAX_PORT = 65_535;

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
};

/** The collector's sentence for a server that cannot listen. */
export function listenError(transport: string, endpoint: string, error: NodeJS.ErrnoException): Error {
  const reason = REASONS[error.code ?? ''] ?? error.message;
  return new Error(`listen ${transport} ${endpoint}: bind: ${reason}`, { cause: error });
}
