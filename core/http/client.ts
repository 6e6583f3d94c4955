import type * as http from 'node:http';
import type * as https from 'node:https';
import type { ConnectionOptions, SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { type ClientAuthenticator, clientAuthenticator } from '../auth.ts';
import { builtin } from '../builtin.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Host, Settings } from '../component.ts';
import { type Compressor, compressor } from '../compression/compress.ts';
import type { HttpClientConfig } from '../config/sections/http-client.ts';
import type { Logger } from '../logger.ts';
import { checkClientMiddlewares } from '../middleware.ts';
import { retireAgent } from '../net/retire-agent.ts';
import { clientTls, trustSystem } from '../net/tls.ts';
import { reloadTls } from '../net/tls-reload.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../telemetry/context.ts';
import { CookieJar } from './cookie-jar.ts';
import { HttpClientMetrics } from './metrics.ts';

/** Of an answer's body this much is kept: enough for any status, not enough to hurt. */
const MAX_RESPONSE = 64 * 1024;
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'www-authenticate']);
/** As Go's client. */
const MAX_REDIRECTS = 10;

export interface PostOptions {
  readonly abort?: AbortSignal | undefined;
  /** Of the batch that is sent, for the authenticator. */
  readonly context?: RequestContext;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** At most 64 KiB of it. */
  readonly body: Buffer;
}

/**
 * Posts bodies as an HTTP client section says: connections kept and limited, TLS, proxy, headers, authentication,
 * compression, cookies. Redirects are followed where they keep the body (307, 308).
 */
export class HttpClient {
  readonly #config: HttpClientConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: HttpClientMetrics;
  readonly #compress: Compressor | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #cookies: CookieJar | undefined;
  #authenticator: ClientAuthenticator | undefined;
  #agents: { readonly http: http.Agent; readonly https: https.Agent } | undefined;
  /** In use. */
  #tls: ConnectionOptions = {};
  #reload: Timer | undefined;

  constructor(config: HttpClientConfig, { clock, logger, meter }: Pick<Settings, 'clock' | 'logger' | 'meter'>) {
    this.#config = config;
    this.#clock = clock;
    this.#log = logger;
    this.#metrics = new HttpClientMetrics(meter, clock);
    const { compression, compression_params, cookies } = config;
    if (compression !== '' && compression !== 'none')
      this.#compress = compressor(compression, compression_params.level);
    this.#headers = Object.fromEntries(
      [...config.headers].map(([name, value]) => [name.toLowerCase(), value.reveal()]),
    );
    if (cookies !== undefined) this.#cookies = new CookieJar();
  }

  /** Reads certificates and finds the authenticator; fails with one sentence. */
  start(host: Host): void {
    const { auth, tls, middlewares } = this.#config;
    checkClientMiddlewares(host, middlewares);
    if (auth?.authenticator !== undefined) this.#authenticator = clientAuthenticator(host, auth.authenticator);
    this.#tls = this.#readTls();
    this.#agents = this.#makeAgents();
    this.#reload = reloadTls(
      tls,
      this.#clock,
      () => this.#renew(),
      (error) => this.#log.error('Certificates cannot be read again, those in use stay', { error }),
    );
  }

  /** Other certificates are for other connections; those with a request under way end after it. */
  #renew(): void {
    const fresh = this.#readTls();
    if (isDeepStrictEqual(fresh, this.#tls)) return;
    this.#tls = fresh;
    for (const agent of Object.values(this.#agents ?? {})) retireAgent(agent);
    this.#agents = this.#makeAgents();
  }

  #readTls(): ConnectionOptions {
    return clientTls(this.#config.tls, 'later') ?? {};
  }

  /** Ends the connections; requests under way fail. Repeatable. */
  close(): void {
    this.#reload?.cancel();
    this.#agents?.http.destroy();
    this.#agents?.https.destroy();
  }

  /**
   * Sends `body`, the pieces one after another, and resolves with any answer; rejects where there is none. Headers of
   * the configuration win over `headers`. The body must stay unchanged until the promise settles.
   */
  async post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: readonly Buffer[],
    { abort, context = EMPTY_CONTEXT }: PostOptions = {},
  ): Promise<HttpAnswer> {
    const sent = this.#compress === undefined ? body : [await this.#compress(joined(body))];
    const own: Record<string, string> = {
      ...headers,
      ...(this.#compress === undefined ? {} : { 'content-encoding': this.#config.compression }),
      ...this.#headers,
    };
    let all = await this.#authorized(own, context);
    const cookies = this.#cookies?.header();
    if (cookies !== undefined) all.cookie = cookies;
    let target = url;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#exchange(new URL(target), all, sent, abort);
      this.#cookies?.store(answer.headers['set-cookie'] ?? []);
      const { location } = answer.headers;
      const keepsBody = answer.status === 307 || answer.status === 308;
      if (!keepsBody || location === undefined || redirects === MAX_REDIRECTS) return answer;
      const next = new URL(location, target);
      // credentials are for the host that the user named
      if (next.host !== new URL(target).host) all = withoutCredentials(all, own);
      target = next.href;
    }
  }

  async #authorized(headers: Readonly<Record<string, string>>, context: RequestContext) {
    const changed = new Map(Object.entries(headers));
    await this.#authenticator?.authorize(changed, context);
    return Object.fromEntries(changed);
  }

  /** A kept connection that the peer closed at the same moment is no failure of the peer: the next one is tried. */
  async #exchange(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: readonly Buffer[],
    abort: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const send = (): Promise<HttpAnswer> =>
      this.#metrics.measure('POST', url, sizeOf(body), () => this.#send(url, headers, body, abort));
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return await send();
    }
  }

  #send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: readonly Buffer[],
    abort: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const agents = this.#agents;
    if (agents === undefined) throw new Error('the client was not started');
    const secure = url.protocol === 'https:';
    if (secure) trustSystem();
    const options: http.RequestOptions = {
      method: 'POST',
      agent: secure ? agents.https : agents.http,
      headers: { ...headers, 'content-length': sizeOf(body) },
      ...(abort === undefined ? {} : { signal: abort }),
    };
    return new Promise((resolve, reject) => {
      const request = secure ? builtin.https.request(url, options) : builtin.http.request(url, options);
      request.on('response', (response) => collect(response, resolve, reject));
      request.on('error', (error: NodeJS.ErrnoException) => {
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      // corked by node until the socket is there, so that head and pieces leave in one write
      for (const piece of body) request.write(piece);
      request.end();
    });
  }

  #makeAgents() {
    const config = this.#config;
    const options: http.AgentOptions = {
      keepAlive: !config.disable_keep_alives,
      maxSockets: config.max_conns_per_host || Number.POSITIVE_INFINITY,
      maxFreeSockets: config.max_idle_conns_per_host || config.max_idle_conns || Number.POSITIVE_INFINITY,
      ...(config.idle_conn_timeout > 0 ? { timeout: config.idle_conn_timeout } : {}),
      proxyEnv: proxies(config.proxy_url),
    };
    return {
      http: new builtin.http.Agent(options),
      https: new builtin.https.Agent({ ...options, ...(this.#tls as SecureContextOptions) }),
    };
  }
}

const sizeOf = (pieces: readonly Buffer[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0);

function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces);
}

/** This machine is never reached through a proxy of the environment, as in Go. */
const NEVER_PROXIED = 'localhost,::1,127.0.0.0-127.255.255.255';

function proxies(url: string): NodeJS.ProcessEnv {
  if (url !== '') return { HTTP_PROXY: url, HTTPS_PROXY: url };
  const { no_proxy = process.env.NO_PROXY ?? '' } = process.env;
  const none = no_proxy === '*' ? no_proxy : `${no_proxy},${NEVER_PROXIED}`;
  return { ...process.env, no_proxy: none, NO_PROXY: none };
}

/** Without what the authenticator set, and without the headers that have credentials by their meaning. */
function withoutCredentials(
  all: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = Object.entries(all).filter(([name, value]) => own[name] === value && !CREDENTIALS.has(name));
  return Object.fromEntries(kept);
}

class StaleConnection extends Error {}

function collect(
  response: http.IncomingMessage,
  resolve: (answer: HttpAnswer) => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    if (length < MAX_RESPONSE) chunks.push(chunk.subarray(0, MAX_RESPONSE - length));
    length += chunk.length;
  });
  response.on('end', () =>
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
  );
  response.on('error', reject);
}
