import { once } from 'node:events';
import net from 'node:net';
import type * as tls from 'node:tls';
import { builtin } from '../builtin.ts';
import type { Timer } from '../clock.ts';
import { DEFAULT_MAX_CONNECTIONS, SWEEP_MS } from '../http2/server-limits.ts';
import { acceptShared } from '../net/shared-read.ts';
import { ServerConnection } from './server-connection.ts';
import { ServerSettings } from './server-settings.ts';
import type { GrpcServerOptions } from './types.ts';

/** Connections waiting to be accepted; Go's servers take what the system allows, which is 4096 on Linux. */
const BACKLOG = 4096;
/** For connections that are not past their TLS handshake when the server closes. */
const HANDSHAKE_GRACE_MS = 1000;

/** A gRPC server for unary calls. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #settings: ServerSettings;
  readonly #connections = new Set<ServerConnection>();
  /** Under the TLS sockets: there before the handshake. */
  readonly #rawSockets = new Set<net.Socket>();
  #server: net.Server | undefined;
  #sweep: Timer | undefined;
  #closed = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#settings = new ServerSettings(options);
  }

  /** Resolves when connections are accepted, with the bound address (the path for a Unix socket). */
  async listen(): Promise<net.AddressInfo | string> {
    const { endpoint } = this.#options;
    const server = this.#createServer();
    this.#server = server;
    server.maxConnections = this.#options.maxConnections || DEFAULT_MAX_CONNECTIONS;
    server.on('drop', () => this.#settings.reached('connections'));
    server.listen({ ...endpoint, backlog: BACKLOG });
    await once(server, 'listening');
    this.#sweep = this.#settings.clock.every(SWEEP_MS, () => {
      const now = this.#settings.clock.monotonic();
      for (const connection of this.#connections) connection.sweep(now);
    });
    // after this an error is about one connection (no file descriptor left), not about the server
    server.on('error', (error) => this.#options.onError?.(error));
    return server.address()!;
  }

  /** Uses other certificates for the connections to come. */
  setSecureContext(options: tls.SecureContextOptions): void {
    if (this.#options.tls !== undefined) (this.#server as tls.Server | undefined)?.setSecureContext(options);
  }

  #createServer(): net.Server {
    const accept = (socket: net.Socket): void => this.#accept(socket);
    if (this.#options.tls === undefined) return net.createServer({ pauseOnConnect: true, noDelay: true }, accept);
    const server = builtin.tls.createServer({ noDelay: true, ...this.#options.tls, ALPNProtocols: ['h2'] }, accept);
    server.on('connection', (socket: net.Socket) => {
      this.#rawSockets.add(socket);
      socket.once('close', () => this.#rawSockets.delete(socket));
    });
    return server.on('tlsClientError', (error) => this.#options.onError?.(error));
  }

  #accept(accepted: net.Socket): void {
    if (this.#closed) {
      accepted.destroy();
      return;
    }
    const peer = { address: accepted.remoteAddress ?? '', port: accepted.remotePort ?? 0 };
    const connection = new ServerConnection(this.#settings, peer, () => this.#onEnd(connection));
    this.#connections.add(connection);
    connection.start(acceptShared(accepted, connection));
  }

  #onEnd(connection: ServerConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  /** Refuses new calls (GOAWAY), waits for those in flight at most `graceMs`, then ends what is left. Repeatable. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#sweep?.cancel();
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    if (this.#connections.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onEmpty = resolve;
      for (const connection of this.#connections) connection.drain();
      const timer = this.#settings.clock.after(graceMs, () => {
        for (const connection of this.#connections) connection.kill('the server is closing');
      });
      await promise;
      timer.cancel();
    }
    const timer = this.#settings.clock.after(HANDSHAKE_GRACE_MS, () => {
      for (const socket of this.#rawSockets) socket.destroy();
    });
    await closed;
    timer.cancel();
  }
}
