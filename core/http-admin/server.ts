import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type ServerAuthenticator, serverAuthenticator } from '../auth.ts';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import type { Host } from '../component.ts';
import type { Secret } from '../config/secret.ts';
import type { TlsServerConfig } from '../config/sections/tls.ts';
import { Cors, type CorsConfig } from '../http/cors.ts';
import type { Logger } from '../logger.ts';
import { listen } from '../net/listen.ts';
import { serverTls } from '../net/tls.ts';
import { reloadTls } from '../net/tls-reload.ts';

/** The keys of the HTTP server section that a server for people and probes obeys; the section itself fits. */
export interface AdminServerConfig {
  readonly endpoint: string;
  readonly transport?: string;
  readonly tls?: TlsServerConfig | undefined;
  readonly cors?: CorsConfig | undefined;
  readonly auth?: { readonly authenticator: string | undefined } | undefined;
  readonly response_headers?: ReadonlyMap<string, Secret>;
  /** Milliseconds, 0 for none; so the following. */
  readonly read_timeout?: number;
  readonly read_header_timeout?: number;
  readonly write_timeout?: number;
  readonly idle_timeout?: number;
  readonly keep_alives_enabled?: boolean;
}

/** Answers a request, now or later. What it throws is answered with 500. `path` is without the query. */
export type AdminHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  url: { readonly path: string; readonly query: URLSearchParams },
) => void | Promise<void>;

/** What a server needs of its surroundings; nothing where it has neither `auth` nor certificates that change. */
export interface AdminServerContext {
  /** Finds the authenticator. */
  readonly host?: Host;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/**
 * A small HTTP server for pages, probes and scrapes: requests are few and have no body worth reading. Data goes
 * through core/http.
 */
export class AdminServer {
  readonly #server: Server;
  readonly #reload: Timer | undefined;
  /** Port 0 for a socket in the file system. */
  readonly port: number;

  private constructor(server: Server, port: number, reload: Timer | undefined) {
    this.#server = server;
    this.port = port;
    this.#reload = reload;
  }

  /** Listens, or fails with `listen tcp HOST:PORT: bind: …`. */
  static async start(
    config: AdminServerConfig,
    handler: AdminHandler,
    context: AdminServerContext = {},
  ): Promise<AdminServer> {
    const guard = new Guard(config, handler, context.host);
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      guard.answer(request, response).catch((error: Error) => fail(response, error));
    };
    const secure = config.tls === undefined ? undefined : createTlsServer(serverTls(config.tls), answer);
    const server: Server = secure ?? createPlainServer(answer);
    applyTimeouts(server, config);
    const { port } = await listen(server, config);
    // a listener that fails later (out of file descriptors) refuses the connection, not the process
    server.on('error', () => {});
    const reload = reloadTls(
      config.tls,
      context.clock ?? systemClock,
      () => config.tls && secure?.setSecureContext(serverTls(config.tls)),
      (error) => context.logger?.error('Certificates cannot be read again, those in use stay', { error }),
    );
    return new AdminServer(server, port, reload);
  }

  /** Answers what is under way for a moment, then cuts it off. Safe to repeat. */
  async close(): Promise<void> {
    this.#reload?.cancel();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_GRACE_MS);
    await closed;
    clearTimeout(cut);
  }
}

/** Long enough for a page to be written, short beside the time a process has to stop. */
const CLOSE_GRACE_MS = 500;

/** What comes before the handler: CORS, authentication, fixed headers. */
class Guard {
  readonly #handler: AdminHandler;
  readonly #authenticator: ServerAuthenticator | undefined;
  readonly #cors: Cors | undefined;
  readonly #headers: readonly (readonly [string, string])[];
  readonly #keepAlive: boolean;

  constructor(config: AdminServerConfig, handler: AdminHandler, host: Host | undefined) {
    this.#handler = handler;
    const id = config.auth?.authenticator;
    if (id !== undefined) {
      if (host === undefined) throw new Error(`failed to resolve authenticator "${id}": authenticator not found`);
      this.#authenticator = serverAuthenticator(host, id);
    }
    const { cors } = config;
    this.#cors = cors === undefined || cors.allowed_origins.length === 0 ? undefined : new Cors(cors);
    this.#headers = [...(config.response_headers ?? [])].map(([name, value]) => [name, value.reveal()] as const);
    this.#keepAlive = config.keep_alives_enabled ?? true;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (!this.#keepAlive) response.setHeader('connection', 'close');
    for (const [name, value] of this.#headers) response.setHeader(name, value);
    if (this.#answeredByCors(request, response)) return;
    if (this.#authenticator !== undefined) {
      try {
        await this.#authenticator.authenticate(headersOf(request));
      } catch (error) {
        sendText(response, 401, error instanceof Error ? error.message : String(error));
        return;
      }
    }
    const [path = '/', query = ''] = splitOnce(request.url ?? '/', '?');
    await this.#handler(request, response, { path, query: new URLSearchParams(query) });
  }

  #answeredByCors(request: IncomingMessage, response: ServerResponse): boolean {
    const { origin } = request.headers;
    if (this.#cors === undefined || origin === undefined) return false;
    response.setHeader('vary', 'Origin');
    const method = request.headers['access-control-request-method'];
    const preflight = request.method === 'OPTIONS' && method !== undefined;
    const headers = preflight
      ? this.#cors.preflight(origin, method, request.headers['access-control-request-headers'])
      : this.#cors.headers(origin);
    for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
    if (preflight) response.writeHead(204).end();
    return preflight;
  }
}

function applyTimeouts(server: Server, config: AdminServerConfig): void {
  server.headersTimeout = config.read_header_timeout ?? DEFAULT_HEADER_TIMEOUT_MS;
  server.requestTimeout = config.read_timeout ?? 0;
  server.keepAliveTimeout = config.idle_timeout ?? DEFAULT_IDLE_TIMEOUT_MS;
  if (config.write_timeout !== undefined && config.write_timeout > 0) server.setTimeout(config.write_timeout);
}

/** A peer that connects and says nothing does not hold a connection longer than this. */
const DEFAULT_HEADER_TIMEOUT_MS = 60_000;
/** Longer than the usual interval of scrapes and probes. */
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;

function headersOf(request: IncomingMessage): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(request.headersDistinct).map(([name, values]) => [name, values ?? []]));
}

function splitOnce(text: string, separator: string): readonly string[] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function fail(response: ServerResponse, error: Error): void {
  if (response.headersSent) response.destroy(error);
  else sendText(response, 500, error.message);
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

/** What Go's servers answer to a path they do not know. */
export function sendNotFound(response: ServerResponse): void {
  sendText(response, 404, '404 page not found');
}

/** A whole body at once; of a HEAD request node sends the headers only. */
export function send(response: ServerResponse, status: number, contentType: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
