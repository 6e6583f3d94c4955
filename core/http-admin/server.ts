import { type ServerAuthenticator, serverAuthenticator } from '../auth.ts';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import type { Host } from '../component.ts';
import type { Secret } from '../config/secret.ts';
import type { TlsServerConfig } from '../config/sections/tls.ts';
import type { CorsConfig } from '../http/cors.ts';
import { HttpResponse } from '../http/response.ts';
import { HttpServer } from '../http/server.ts';
import type { HttpHandler, HttpRequest } from '../http/types.ts';
import { withCors } from '../http/with-cors.ts';
import type { Logger } from '../logger.ts';
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

/** Gives the answer to a request, now or later. What it throws is answered with 500. `path` is without the query. */
export type AdminHandler = (
  request: HttpRequest,
  url: { readonly path: string; readonly query: URLSearchParams },
) => HttpResponse | Promise<HttpResponse>;

/** What a server needs of its surroundings; nothing where it has neither `auth` nor certificates that change. */
export interface AdminServerContext {
  /** Finds the authenticator. */
  readonly host?: Host;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Nothing is uploaded to these servers; a body is read only to be thrown away. */
const MAX_BODY_BYTES = 64 * 1024;
/** A peer that connects and says nothing does not hold a connection longer than this. */
const DEFAULT_HEADER_TIMEOUT_MS = 60_000;
/** Longer than the usual interval of scrapes and probes. */
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
/** Long enough for a page to be written, short beside the time a process has to stop. */
const CLOSE_GRACE_MS = 500;

/** A server for pages, probes and scrapes: core/http with what those have in common. */
export class AdminServer {
  readonly #server: HttpServer;
  readonly #reload: Timer | undefined;
  /** Port 0 for a socket in the file system. */
  readonly port: number;

  private constructor(server: HttpServer, port: number, reload: Timer | undefined) {
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
    const { clock = systemClock, logger, host } = context;
    const tls = config.tls;
    const server = new HttpServer({
      address: config,
      tls: tls && serverTls(tls),
      handler: guarded(config, handler, host),
      maxBodyBytes: MAX_BODY_BYTES,
      timeouts: {
        readHeaderMs: config.read_header_timeout ?? DEFAULT_HEADER_TIMEOUT_MS,
        readMs: config.read_timeout ?? 0,
        writeMs: config.write_timeout ?? 0,
        idleMs: config.idle_timeout ?? DEFAULT_IDLE_TIMEOUT_MS,
      },
      keepAlive: config.keep_alives_enabled ?? true,
      clock,
      onError: (error) => logger?.debug('A connection failed', { error }),
    });
    const { port } = await server.listen();
    const reload = reloadTls(
      tls,
      clock,
      () => tls && server.setSecureContext(serverTls(tls)),
      (error) => logger?.error('Certificates cannot be read again, those in use stay', { error }),
    );
    return new AdminServer(server, port, reload);
  }

  /** Answers what is under way for a moment, then cuts it off. Safe to repeat. */
  async close(): Promise<void> {
    this.#reload?.cancel();
    await this.#server.close(CLOSE_GRACE_MS);
  }
}

/** What comes before the handler: CORS, fixed headers, authentication. */
function guarded(config: AdminServerConfig, handler: AdminHandler, host: Host | undefined): HttpHandler {
  const fixed = [...(config.response_headers ?? [])].map(([name, value]) => [name, value.reveal()] as const);
  const authenticator = authenticatorOf(config, host);
  return withCors(config.cors, fixed, (request) => {
    request.body.slab?.release();
    answer(request, handler, authenticator).then(
      (response) => request.respond(response.withHeaders(fixed)),
      (error: unknown) => request.respond(text(500, messageOf(error)).withHeaders(fixed)),
    );
  });
}

async function answer(
  request: HttpRequest,
  handler: AdminHandler,
  authenticator: ServerAuthenticator | undefined,
): Promise<HttpResponse> {
  try {
    await authenticator?.authenticate(request.headers());
  } catch (error) {
    return text(401, messageOf(error));
  }
  return handler(request, { path: request.path, query: new URLSearchParams(request.query) });
}

function authenticatorOf(config: AdminServerConfig, host: Host | undefined): ServerAuthenticator | undefined {
  const id = config.auth?.authenticator;
  if (id === undefined) return undefined;
  if (host === undefined) throw new Error(`failed to resolve authenticator "${id}": authenticator not found`);
  return serverAuthenticator(host, id);
}

function messageOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}

/** A line of text, for errors. */
export function text(status: number, line: string): HttpResponse {
  return content(status, 'text/plain; charset=utf-8', `${line}\n`);
}

/** What Go's servers answer to a path they do not know. */
export const NOT_FOUND = text(404, '404 page not found');

export function content(
  status: number,
  contentType: string,
  body: string | Buffer,
  headers: readonly (readonly [string, string])[] = [],
): HttpResponse {
  const own = [['Content-Type', contentType] as const, ['X-Content-Type-Options', 'nosniff'] as const];
  return new HttpResponse(status, [...own, ...headers], body);
}
