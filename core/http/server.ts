import { createServer, type Server, type Socket } from 'node:net';
import type { SecureContextOptions, Server as TlsServer } from 'node:tls';
import { builtin } from '../builtin.ts';
import type { Timer } from '../clock.ts';
import { type Listening, listen } from '../net/listen.ts';
import type { Peer } from '../net/peer.ts';
import { ReceiveMemory } from '../net/receive-memory.ts';
import { acceptShared } from '../net/shared-read.ts';
import { HttpConnection } from './connection.ts';
import type { Http2Connection } from './http2-connection.ts';
import { DEFAULT_MAX_CONNECTIONS, LARGEST_BODIES, RECEIVE_MEMORY } from './limits.ts';
import { peerOf } from './request.ts';
import type { HttpServerOptions } from './types.ts';

/** How often connections are looked at; a timeout is late by at most this. */
const MAX_SWEEP_MS = 500;
const MIN_SWEEP_MS = 5;

type Http2Maker = (peer: Peer, onEnd: () => void) => Http2Connection;

/** What the server does with its connections, whatever they speak. */
interface Connection {
  sweep(now: number): void;
  drain(): void;
  destroy(): void;
}

/**
 * HTTP/1.1 (RFC 9110, RFC 9112) for many small requests with bodies: about half the processor time of node:http,
 * because nothing is a stream, headers are read once and an answer is one write. With TLS HTTP/2 too, for those who
 * ask for it (ALPN `h2`).
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #connections = new Set<Connection>();
  #server: Server | undefined;
  /** Makes connections for those who ask for HTTP/2; undefined without TLS. */
  #http2: Http2Maker | undefined;
  readonly #memory: ReceiveMemory;
  #sweep: Timer | undefined;
  #emptied: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#memory = new ReceiveMemory(Math.max(RECEIVE_MEMORY, LARGEST_BODIES * options.maxBodyBytes));
  }

  /** Resolves when connections are accepted; fails with `listen tcp HOST:PORT: bind: …`. */
  async listen(): Promise<Listening> {
    const { tls, address, onError, onLimit } = this.#options;
    if (tls !== undefined) await this.#loadHttp2();
    const server =
      tls === undefined
        ? createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket))
        : builtin.tls.createServer({ noDelay: true, ...tls, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
            if (socket.alpnProtocol === 'h2') {
              this.#acceptHttp2(socket);
              return;
            }
            // only from here on: who closes its side within the handshake is gone
            socket.allowHalfOpen = true;
            this.#accept(socket);
          });
    this.#server = server;
    server.maxConnections = this.#options.maxConnections || DEFAULT_MAX_CONNECTIONS;
    server.on('drop', () => onLimit?.('connections'));
    const listening = await listen(server, address);
    server.on('error', (error) => onError?.(error));
    server.on('tlsClientError', (error: Error) => onError?.(error));
    this.#startSweep();
    return listening;
  }

  /** Uses other certificates for the connections to come. */
  setSecureContext(options: SecureContextOptions): void {
    (this.#server as TlsServer | undefined)?.setSecureContext(options);
  }

  /** Accepts no more, answers what has been received, and ends what is left after `graceMs`. Repeatable. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    this.#server?.close();
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size > 0) {
      const done = new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
      const end = this.#options.clock.after(graceMs, () => {
        for (const connection of this.#connections) connection.destroy();
      });
      await done;
      end.cancel();
    }
    this.#sweep?.cancel();
  }

  #accept(socket: Socket): void {
    const connection = new HttpConnection(socket, this.#options, this.#memory, (closed) => this.#onClose(closed));
    this.#connections.add(connection);
  }

  #acceptHttp2(socket: Socket): void {
    const connection = (this.#http2 as Http2Maker)(peerOf(socket), () => this.#onClose(connection));
    this.#connections.add(connection);
    connection.start(acceptShared(socket, connection));
  }

  /** Its memory is for those who need it. */
  async #loadHttp2(): Promise<void> {
    const { Http2Connection, http2Settings } = await import('./http2-connection.ts');
    const settings = http2Settings(this.#options, this.#memory);
    this.#http2 = (peer, onEnd) => new Http2Connection(settings, peer, onEnd);
  }

  #onClose(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#emptied?.();
  }

  #startSweep(): void {
    const { clock, timeouts } = this.#options;
    const set = Object.values(timeouts).filter((ms) => ms > 0);
    const period = Math.max(MIN_SWEEP_MS, Math.min(MAX_SWEEP_MS, Math.min(...set) / 4));
    this.#sweep = clock.every(period, () => {
      const now = clock.monotonic();
      for (const connection of this.#connections) connection.sweep(now);
    });
  }
}
