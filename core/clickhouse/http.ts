import type * as http from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { builtin } from '../builtin.ts';
import { type Compressor, compressor } from '../compression/compress.ts';
import type { TlsClientConfig } from '../config/sections/tls.ts';
import { dialReason } from '../net/dial-error.ts';
import { clientTls, trustSystem } from '../net/tls.ts';
import type { ClickHouse, Insert, Query, QuerySettings } from './client.ts';
import type { Encoding, Server } from './endpoint.ts';
import { ClickHouseError } from './error.ts';
import { answerBytes, errorOf } from './http-answer.ts';
import { quoteName, tableName } from './schema/table.ts';

/** The server may take long over a statement without a byte; what limits it is the caller's `abort`. */
const KEEP_ALIVE_MS = 30_000;
/** Connections at a time; more inserts than this wait for one. */
const MAX_CONNECTIONS = 64;
/** Only parameters are in the URL, and the head of inserts. Servers take 1 MiB of it, proxies on the way less. */
const MAX_URL = 64 * 1024;
const UNKNOWN_DATABASE = 81;

export interface HttpOptions {
  readonly tls: TlsClientConfig;
  /** Uniform in [0, 1), for the choice of a host. */
  readonly random: () => number;
  /** `weir/1.2.3`. */
  readonly userAgent: string;
}

interface Request {
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
  readonly abort?: AbortSignal | undefined;
}

/** A server, or several that are as good as one another, by the HTTP interface. */
export class HttpClickHouse implements ClickHouse {
  readonly #server: Server;
  readonly #options: HttpOptions;
  readonly #compress: Compressor | undefined;
  readonly #agents: { readonly http: http.Agent; readonly https: http.Agent };
  readonly #identity: Readonly<Record<string, string>>;
  #host = 0;

  /** Reads certificates; fails with one sentence. */
  constructor(server: Server, options: HttpOptions) {
    this.#server = server;
    this.#options = options;
    this.#compress = compressorOf(server.compress);
    const tls = clientTls(options.tls, 'later') ?? {};
    const pool = { keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: 0, keepAliveMsecs: KEEP_ALIVE_MS };
    const lax = server.skipVerify ? { rejectUnauthorized: false } : {};
    this.#agents = {
      http: new builtin.http.Agent(pool),
      https: new builtin.https.Agent({ ...pool, ...(tls as SecureContextOptions), ...lax }),
    };
    if (server.urls.some(({ protocol }) => protocol === 'https:')) trustSystem();
    const product = server.product === '' ? options.userAgent : `${server.product} ${options.userAgent}`;
    this.#identity = {
      'user-agent': product,
      ...(server.username === '' ? {} : { 'x-clickhouse-user': server.username }),
      ...(server.password === '' ? {} : { 'x-clickhouse-key': server.password }),
    };
  }

  async command(sql: string, settings?: QuerySettings): Promise<void> {
    const params = { ...this.#server.settings, ...settings };
    const answer = await this.#send({ params, headers: {}, body: [Buffer.from(sql)] });
    // an exception may come after the head of the answer, so it is read to its end
    for await (const _ of answerBytes(answer));
  }

  async insert(insert: Insert): Promise<void> {
    if (insert.rows === 0) return;
    const columns = insert.columns.map(quoteName).join(', ');
    const query = `INSERT INTO ${tableName(insert)} (${columns}) FORMAT ${insert.format}`;
    const { compress, settings } = this.#server;
    const params = {
      ...INSERT_SETTINGS,
      ...insert.settings,
      ...settings,
      ...(insert.token === undefined ? {} : { insert_deduplication_token: insert.token }),
      query,
    };
    const headers = this.#compress === undefined ? {} : { 'content-encoding': compress };
    const body = this.#compress === undefined ? insert.body : [await this.#compress(joined(insert.body))];
    const answer = await this.#send({ params, headers, body, abort: insert.abort });
    for await (const _ of answerBytes(answer));
  }

  async *query({ sql, format, params = {}, settings = {} }: Query): AsyncGenerator<Uint8Array> {
    const named = Object.fromEntries(Object.entries(params).map(([name, value]) => [`param_${name}`, escaped(value)]));
    const { database, settings: own } = this.#server;
    const plain = { default_format: format, ...own, ...settings, ...named, readonly: '1' };
    const ask = (all: Request['params']) => this.#send({ params: all, headers: {}, body: [Buffer.from(sql)] });
    const answer = await ask({ database, ...plain }).catch((error: ClickHouseError) => {
      // one that is about to be made is no reason not to answer what names it nowhere
      if (error.number === UNKNOWN_DATABASE) return ask(plain);
      throw error;
    });
    try {
      yield* answerBytes(answer);
    } finally {
      answer.destroy();
    }
  }

  async close(): Promise<void> {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #send(request: Request): Promise<http.IncomingMessage> {
    const url = this.#url(request.params);
    try {
      const answer = await this.#exchange(url, request);
      if (answer.statusCode === 200) return answer;
      throw await errorOf(answer);
    } catch (error) {
      if (error instanceof ClickHouseError) throw error;
      throw new ClickHouseError(`${url.origin}: ${dialReason(error)}`, { cause: error });
    }
  }

  #url(params: Readonly<Record<string, string>>): URL {
    const { urls, strategy } = this.#server;
    if (strategy === 'round_robin') this.#host++;
    else if (strategy === 'random') this.#host = Math.floor(this.#options.random() * urls.length);
    const url = new URL(urls[this.#host % urls.length] as URL);
    url.search = new URLSearchParams(params).toString();
    if (url.href.length > MAX_URL) throw new ClickHouseError(`the parameters of the statement exceed ${MAX_URL} bytes`);
    return url;
  }

  /** A kept connection that the server closed at the same moment is no failure of the server: the next one is tried. */
  async #exchange(url: URL, request: Request): Promise<http.IncomingMessage> {
    try {
      return await this.#once(url, request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return await this.#once(url, request);
    }
  }

  #once(url: URL, { headers, body, abort }: Request): Promise<http.IncomingMessage> {
    const secure = url.protocol === 'https:';
    const options: http.RequestOptions = {
      method: 'POST',
      agent: secure ? this.#agents.https : this.#agents.http,
      headers: {
        ...this.#identity,
        ...headers,
        'content-length': body.reduce((sum, piece) => sum + piece.length, 0),
      },
      ...(abort === undefined ? {} : { signal: abort }),
    };
    return new Promise((resolve, reject) => {
      const request = secure ? builtin.https.request(url, options) : builtin.http.request(url, options);
      let connected = false;
      const atConnection = () => {
        connected = true;
      };
      request.on('socket', (socket) => (socket.connecting ? socket.once('connect', atConnection) : atConnection()));
      request.on('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        // the next attempt goes to the next host, but not where this one may have stored the rows: only it knows them
        if (!connected) this.#host++;
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      for (const piece of body) request.write(piece);
      request.end();
    });
  }
}

class StaleConnection extends Error {}

/** One thread reads the blocks of an insert in their order, so that what repeats it repeats them. */
const INSERT_SETTINGS: QuerySettings = { max_insert_threads: '1' };

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [only] = pieces;
  return only !== undefined && pieces.length === 1
    ? Buffer.from(only.buffer, only.byteOffset, only.length)
    : Buffer.concat(pieces);
}

const brotli = promisify(zlib.brotliCompress);
/** The level at which it is as fast as gzip. */
const BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } };

function compressorOf(encoding: Encoding): Compressor | undefined {
  if (encoding === 'none') return undefined;
  if (encoding === 'br') return (input) => brotli(input, BROTLI);
  // the fastest level: what is saved on the way is not worth a core
  return compressor(encoding, encoding === 'lz4' ? 0 : 1);
}

/** A value of a parameter as a field of TSV, which is how the server reads it. */
function escaped(value: string): string {
  return value.replace(/[\\\t\n\r\0]/g, (char) => ESCAPES[char] ?? char);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' };
