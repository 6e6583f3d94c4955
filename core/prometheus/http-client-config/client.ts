import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Clock } from '../../clock.ts';
import { Body } from './body.ts';
import type { HttpClientConfig } from './config.ts';
import { type SecretSource, secretSource } from './secret-source.ts';
import { TokenSource } from './token-source.ts';
import { Transport } from './transport.ts';

/** As Go's client. */
const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** So much of a redirect's body is read for the sake of its connection, as Go's client does. */
const MAX_SKIPPED = 2048;
/** Headers that are for the host the user named. */
const SENSITIVE: readonly string[] = ['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'www-authenticate'];

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole exchange, the body included; absent or 0 means none. */
  readonly timeoutMs?: number;
  /** Limit of the body as it is after decompression; absent or 0 means none. Beyond it reading fails. */
  readonly maxBytes?: number;
  readonly abort?: AbortSignal;
}

export interface GetAnswer {
  readonly status: number;
  /** `Not Found` */
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
  /** Closes the connection of an answer whose body nobody reads. Repeatable. */
  discard(): void;
}

export class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout';
}

/** What is under way, and why it was ended if it was. */
class Exchange {
  request: ClientRequest | undefined;
  fault: Error | undefined;
  /** Called when nothing can end it any more. */
  finish: () => void = () => {};

  end(fault: Error): void {
    this.fault ??= fault;
    this.request?.destroy(this.fault);
  }
}

/**
 * GET requests as an HTTP client section of Prometheus says. Connections are kept; credentials and certificates in
 * files are read anew, so that they can be replaced at any time.
 */
export class PrometheusHttpClient {
  readonly #config: HttpClientConfig;
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #transport: Transport;
  readonly #authorization: (() => Promise<string>) | undefined;
  readonly #tokens: TokenSource | undefined;
  readonly #headers: readonly (readonly [string, readonly SecretSource[]])[];

  constructor(config: HttpClientConfig, { clock, userAgent }: { readonly clock: Clock; readonly userAgent: string }) {
    this.#config = config;
    this.#clock = clock;
    this.#userAgent = userAgent;
    this.#transport = new Transport(config.tls_config, config, clock);
    const tokens = config.oauth2 === undefined ? undefined : new TokenSource(config.oauth2, clock, userAgent);
    this.#tokens = tokens;
    this.#authorization = tokens === undefined ? authorizationOf(config) : () => tokens.header();
    this.#headers = Object.entries(config.http_headers).map(([name, { values, secrets, files }]) => [
      name,
      [
        ...[...values, ...secrets].map((value) => secretSource(value, '', '')),
        ...files.map((file) => secretSource(undefined, file, 'headers file')),
      ],
    ]);
  }

  /** Reads certificates; fails with one sentence. */
  start(): void {
    this.#transport.start();
  }

  /** Ends the connections; what is under way fails. Repeatable. */
  close(): void {
    this.#transport.close();
    this.#tokens?.close();
  }

  /** Resolves with any answer, redirects followed as configured; rejects where there is none. */
  async get(url: string, options: GetOptions = {}): Promise<GetAnswer> {
    const exchange = new Exchange();
    this.#limit(exchange, options);
    try {
      const response = await this.#follow(url, options, exchange);
      const body = new Body(response, exchange, options.maxBytes ?? 0);
      const discard = () => {
        exchange.finish();
        response.destroy();
      };
      const { statusCode: status = 0, statusMessage: statusText = '', headers } = response;
      return { status, statusText, headers, body, discard };
    } catch (error) {
      exchange.finish();
      throw exchange.fault ?? error;
    }
  }

  #limit(exchange: Exchange, { timeoutMs = 0, abort }: GetOptions): void {
    const timer =
      timeoutMs > 0
        ? this.#clock.after(timeoutMs, () => exchange.end(new RequestTimeout('context deadline exceeded')))
        : undefined;
    const onAbort = () => exchange.end(new Error('context canceled'));
    abort?.addEventListener('abort', onAbort, { once: true });
    if (abort?.aborted === true) onAbort();
    exchange.finish = () => {
      timer?.cancel();
      abort?.removeEventListener('abort', onAbort);
    };
  }

  async #follow(start: string, options: GetOptions, exchange: Exchange): Promise<IncomingMessage> {
    let url = httpUrl(start);
    const host = url.hostname;
    /** Once the user's host was left it stays so: what comes back to it may have been led there. */
    let left = false;
    for (let redirects = 0; ; redirects++) {
      const headers = await this.#headersFor(options.headers ?? {}, left);
      if (exchange.fault !== undefined) throw exchange.fault;
      const onRequest = (request: ClientRequest) => {
        exchange.request = request;
        if (exchange.fault !== undefined) request.destroy(exchange.fault);
      };
      const response = await this.#transport.send({ method: 'GET', url, headers, onRequest });
      const { location } = response.headers;
      const redirect = REDIRECTS.has(response.statusCode ?? 0) && location !== undefined;
      if (!redirect || !this.#config.follow_redirects) return response;
      leave(response);
      if (redirects === MAX_REDIRECTS) throw new Error(`stopped after ${MAX_REDIRECTS} redirects`);
      url = httpUrl(new URL(location, url).href);
      left ||= !isWithin(url.hostname, host);
    }
  }

  async #headersFor(own: Readonly<Record<string, string>>, left: boolean): Promise<Record<string, string | string[]>> {
    const headers: Record<string, string | string[]> = { 'user-agent': this.#userAgent, ...own };
    for (const [name, sources] of this.#headers) {
      const values = await Promise.all(sources.map((source) => source()));
      headers[name] = [...[headers[name] ?? []].flat(), ...values];
    }
    if (!left) {
      const authorization = await this.#authorization?.();
      return authorization === undefined ? headers : { authorization, ...headers };
    }
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !SENSITIVE.includes(name.toLowerCase())));
  }
}

/** Reads on where that is cheaper than a new connection. */
function leave(response: IncomingMessage): void {
  if (Number(response.headers['content-length'] ?? Number.NaN) <= MAX_SKIPPED) response.resume();
  else response.destroy();
}

function authorizationOf(config: HttpClientConfig): (() => Promise<string>) | undefined {
  const { basic_auth: basic, authorization, bearer_token: token, bearer_token_file: file } = config;
  if (basic !== undefined) {
    const user = secretSource(basic.username, basic.username_file, 'basic auth username');
    const password = secretSource(basic.password, basic.password_file, 'basic auth password');
    return async () => `Basic ${Buffer.from(`${await user()}:${await password()}`).toString('base64')}`;
  }
  const what = 'authorization credentials';
  if (authorization !== undefined) {
    const credentials = secretSource(authorization.credentials, authorization.credentials_file, what);
    return async () => `${authorization.type.trim() || 'Bearer'} ${await credentials()}`;
  }
  if (token === undefined && file === '') return undefined;
  const bearer = secretSource(token, file, what);
  return async () => `Bearer ${await bearer()}`;
}

function httpUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw new Error(`unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}`);
}

/** Whether a host is the other one or below it. */
const isWithin = (host: string, parent: string): boolean =>
  host === parent || (!host.includes(':') && host.endsWith(`.${parent}`));
