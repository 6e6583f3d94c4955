import { isIP, type NetConnectOpts } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { type Clock, systemClock } from '../clock.ts';
import { encodeHeaders } from '../http2/hpack-encoder.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from './message-reader.ts';
import { formatTimeout } from './timeout.ts';
import type { ClientKeepalive, Decompressors, GrpcClientOptions, UnaryOptions } from './types.ts';

/** As in gRPC: long enough for a slow handshake, see connection-backoff.md. */
const DEFAULT_CONNECT_TIMEOUT_MS = 20_000;

/** What all connections of a client share, with defaults filled in. */
export class ClientSettings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly target: NetConnectOpts;
  /** For connections to come. */
  tls: ConnectionOptions | undefined;
  readonly keepalive: ClientKeepalive | undefined;
  readonly waitForReady: boolean;
  readonly connectTimeoutMs: number;
  readonly maxReceiveMessageBytes: number;
  readonly decompressors: Decompressors;
  readonly #head: readonly (readonly [string, string])[];
  readonly #tail: readonly (readonly [string, string])[];
  /** The last header block of each path: all calls of an exporter have the same. */
  readonly #blocks = new Map<
    string,
    { readonly encoding: string; readonly timeoutMs: number; readonly block: Buffer }
  >();

  constructor(options: GrpcClientOptions) {
    const { endpoint } = options;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.target = endpoint;
    if (options.tls !== undefined) this.setTls(options.tls);
    this.keepalive = options.keepalive;
    this.waitForReady = options.waitForReady ?? false;
    this.connectTimeoutMs = options.connectTimeoutMs || DEFAULT_CONNECT_TIMEOUT_MS;
    this.maxReceiveMessageBytes = options.maxReceiveMessageBytes || DEFAULT_MAX_MESSAGE_BYTES;
    this.decompressors = options.decompressors ?? new Map();
    this.#head = [
      [':method', 'POST'],
      [':scheme', this.tls === undefined ? 'http' : 'https'],
      [':authority', options.authority ?? ('host' in endpoint ? hostPort(endpoint) : 'localhost')],
    ];
    const accepted = [...this.decompressors.keys()].join(',');
    this.#tail = [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['user-agent', options.userAgent ?? 'weir'],
      ...(accepted === '' ? [] : ([['grpc-accept-encoding', accepted]] as const)),
      ...[...(options.metadata ?? [])].map(lowerName),
    ];
  }

  setTls(options: ConnectionOptions): void {
    const host = 'host' in this.target ? this.target.host : undefined;
    // only names go into SNI
    const name = host !== undefined && isIP(host) === 0 ? { servername: host } : {};
    this.tls = { ...name, ...options, ALPNProtocols: ['h2'] };
  }

  /** The header block of a call; `timeoutMs` is 0 without a deadline. */
  headers(path: string, options: UnaryOptions, timeoutMs: number): Buffer {
    const encoding = options.encoding ?? '';
    const known = this.#blocks.get(path);
    let block = known?.block;
    if (known?.encoding !== encoding || known.timeoutMs !== timeoutMs) {
      const fields = [...this.#head, [':path', path] as const, ...this.#tail];
      if (encoding !== '') fields.push(['grpc-encoding', encoding]);
      if (timeoutMs > 0) fields.push(['grpc-timeout', formatTimeout(timeoutMs)]);
      block = encodeHeaders(fields);
      this.#blocks.set(path, { encoding, timeoutMs, block });
    }
    if (options.metadata === undefined) return block!;
    return Buffer.concat([block!, encodeHeaders([...options.metadata].map(lowerName))]);
  }
}

function lowerName([name, value]: readonly [string, string]): readonly [string, string] {
  return [name.toLowerCase(), value];
}

function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
