import { createServer, type Server, type Socket } from 'node:net';
import type { SecureContextOptions, Server as TlsServer } from 'node:tls';
import { builtin } from '../builtin.ts';
import type { Timer } from '../clock.ts';
import { type Listening, listen } from '../net/listen.ts';
import { ReceiveMemory } from '../net/receive-memory.ts';
import { HttpConnection } from './connection.ts';
import { DEFAULT_MAX_CONNECTIONS, LARGEST_BODIES, RECEIVE_MEMORY } from './limits.ts';
import type { HttpServerOptions } from './types.ts';

/** How often connections are looked at; a timeout is late by at most this. */
const MAX_SWEEP_MS = 500;
const MIN_SWEEP_MS = 5;

/**
 * HTTP/1.1 (RFC 9110, RFC 9112) for many small requests with bodies: about half the processor time of node:http,
 * because nothing is a stream, headers are read once and an answer is one write.
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #connections = new Set<HttpConnection>();
  #server: Server | undefined;
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
    const sockets = { allowHalfOpen: true, noDelay: true, pauseOnConnect: tls === undefined };
    const server =
      tls === undefined
        ? createServer(sockets, (socket) => this.#accept(socket))
        : builtin.tls.createServer({ ...sockets, ...tls, ALPNProtocols: ['http/1.1'] }, (socket) =>
            this.#accept(socket),
          );
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
    const connection = new HttpConnection(socket, this.#options, this.#memory, (closed) => {
      this.#connections.delete(closed);
      if (this.#connections.size === 0) this.#emptied?.();
    });
    this.#connections.add(connection);
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
