import type { GetAnswer, PrometheusHttpClient } from '../../http-client-config/client.ts';
import { linesOf } from './lines.ts';
import { listAt, maybeNumberAt, textAt } from './objects.ts';

/** Objects in one answer to a list: small enough to be parsed without a pause that others notice. */
const PAGE = 500;
/** Objects are at most 1.5 MiB in etcd; a whole list in one answer is asked for only where pages expired. */
const MAX_LIST = 512 * 1024 * 1024;
const MAX_EVENT = 8 * 1024 * 1024;
const MAX_ERROR = 64 * 1024;
/** Large lists of a busy server take their time. */
const LIST_TIMEOUT_MS = 120_000;
/** A watch that the server does not end when it was asked to has lost its connection. */
const WATCH_MARGIN_MS = 30_000;

export interface Query {
  readonly label: string;
  readonly field: string;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

/** An answer of the API server that is no success. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** The server wants to be left alone for so long; 0 where it says nothing. */
  readonly retryAfterMs: number;

  constructor(status: number, message: string, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** The version that was asked for is no longer known: everything has to be listed again. */
  get expired(): boolean {
    return this.status === 410;
  }
}

/** A watch that cannot go on from where it is: everything has to be listed again. */
export class WatchFailed extends ApiError {}

/** List and watch of the Kubernetes API. */
export class KubernetesApi {
  readonly #server: string;
  readonly #client: PrometheusHttpClient;

  constructor(server: string, client: PrometheusHttpClient) {
    this.#server = server.replace(/\/+$/, '');
    this.#client = client;
  }

  /** Calls `onItem` with all objects, which come in pages, and resolves with the version to watch from. */
  async list(path: string, query: Query, abort: AbortSignal, onItem: (item: unknown) => void): Promise<string> {
    let next = '';
    do {
      const page = await this.#page(path, { ...selection(query), limit: String(PAGE), continue: next }, abort);
      for (const item of listAt(page, 'items')) onItem(item);
      next = textAt(page, 'metadata', 'continue');
      if (next === '') return textAt(page, 'metadata', 'resourceVersion');
    } while (!abort.aborted);
    throw new Error('context canceled');
  }

  /** The same in one answer, for when the server forgets the version of the first page before the last is read. */
  async listAtOnce(path: string, query: Query, abort: AbortSignal, onItem: (item: unknown) => void): Promise<string> {
    const page = await this.#page(path, selection(query), abort);
    for (const item of listAt(page, 'items')) onItem(item);
    return textAt(page, 'metadata', 'resourceVersion');
  }

  /** Changes since a version, until the server ends the watch, which it is asked to do after `seconds`. */
  async *watch(
    path: string,
    query: Query,
    { version, seconds }: { readonly version: string; readonly seconds: number },
    abort: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const parameters = {
      ...selection(query),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      timeoutSeconds: String(seconds),
    };
    const answer = await this.#get(path, parameters, { timeoutMs: seconds * 1000 + WATCH_MARGIN_MS, abort });
    for await (const line of linesOf(answer.body, MAX_EVENT, tooLong)) {
      if (line.trim() === '') continue;
      const event = eventOf(line);
      yield { type: textAt(event, 'type'), object: event.object };
    }
  }

  async #page(path: string, parameters: Readonly<Record<string, string>>, abort: AbortSignal): Promise<unknown> {
    const options = { timeoutMs: LIST_TIMEOUT_MS, maxBytes: MAX_LIST, abort };
    return JSON.parse(await textOf(await this.#get(path, parameters, options, { 'accept-encoding': 'gzip' })));
  }

  async #get(
    path: string,
    parameters: Readonly<Record<string, string>>,
    options: { readonly timeoutMs: number; readonly maxBytes?: number; readonly abort: AbortSignal },
    headers: Readonly<Record<string, string>> = {},
  ): Promise<GetAnswer> {
    const given = Object.entries(parameters).filter(([, value]) => value !== '');
    const search = new URLSearchParams(given).toString();
    const url = `${this.#server}${path}${search === '' ? '' : `?${search}`}`;
    const answer = await this.#client.get(url, { ...options, headers: { ...headers, accept: 'application/json' } });
    if (answer.status === 200) return answer;
    throw await errorOf(answer);
  }
}

const tooLong = () => new WatchFailed(500, `an event of the watch has more than ${MAX_EVENT} bytes`);

function eventOf(line: string): { readonly object?: unknown } {
  try {
    return Object(JSON.parse(line));
  } catch {
    throw new WatchFailed(500, 'the watch sent what is no JSON');
  }
}

/** What an object of kind Status in an event or answer says. */
export function statusError(status: unknown, fallback: number): ApiError {
  const code = maybeNumberAt(status, 'code') ?? fallback;
  const seconds = maybeNumberAt(status, 'details', 'retryAfterSeconds') ?? 0;
  return new ApiError(code, textAt(status, 'message') || `status ${code}`, seconds * 1000);
}

const selection = ({ label, field }: Query) => ({ labelSelector: label, fieldSelector: field });

async function textOf({ body }: GetAnswer): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function errorOf(answer: GetAnswer): Promise<ApiError> {
  let text = '';
  for await (const chunk of answer.body) {
    text += chunk.toString();
    if (text.length > MAX_ERROR) break;
  }
  const message = `the server answered ${answer.status} ${answer.statusText}`;
  const seconds = Number(answer.headers['retry-after'] ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : 0;
  try {
    const said = textAt(JSON.parse(text), 'message');
    return new ApiError(answer.status, said === '' ? message : `${message}: ${said}`, retryAfterMs);
  } catch {
    return new ApiError(answer.status, message, retryAfterMs);
  }
}
