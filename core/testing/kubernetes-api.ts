import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fieldOf, matches, status, typeOf } from './kubernetes-wire.ts';

/** An object as the API has it; `metadata.resourceVersion` is the server's. */
export interface ApiObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly [key: string]: unknown;
}

interface Refusal {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** End of the path of requests it is for; all where it is not set. */
  readonly path?: string;
}

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: string;
  readonly object: ApiObject;
}

interface Watch {
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

/** `/apis/apps/v1/namespaces/default/replicasets` */
const PATH = /^\/(?:api|apis\/[^/]+)\/v1(?:\/namespaces\/([^/]+))?\/([a-z]+)$/;

/**
 * The list and watch of a Kubernetes API server, as recorded from one: pages with `limit` and `continue`, watches with
 * bookmarks, versions that expire (410), tokens that are no longer good (401), and the faults a test asks for.
 */
export class FakeKubernetesApi {
  /** Path and query of each request, in order. */
  readonly requests: string[] = [];
  /** Bearer tokens that are taken; all where there is none. */
  readonly tokens = new Set<string>();
  /** What the next requests are answered with, instead of their answer. */
  readonly refusals: Refusal[] = [];
  /** Pages beyond the first are answered with 410. */
  pagesExpire = false;
  readonly #objects = new Map<string, Map<string, ApiObject>>();
  readonly #history: Change[] = [];
  readonly #watches = new Set<Watch>();
  #version = 1000;
  /** Versions before this one are forgotten. */
  #oldest = 0;
  #server: Server | undefined;

  /** Listens on a free port of 127.0.0.1, with TLS where there is a certificate, and returns the URL. */
  async start(tls?: ServerOptions): Promise<string> {
    const serve = (request: IncomingMessage, response: ServerResponse) => this.#serve(request, response);
    const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** Adds or changes an object. */
  put(resource: string, object: ApiObject): void {
    const objects = this.#of(resource);
    const key = keyOf(object);
    this.#change(resource, objects.has(key) ? 'MODIFIED' : 'ADDED', object);
  }

  delete(resource: string, key: string): void {
    const object = this.#of(resource).get(key);
    if (object !== undefined) this.#change(resource, 'DELETED', object);
  }

  /** Writes all objects of a resource again, as they are. */
  touch(resource: string): void {
    for (const object of [...this.#of(resource).values()]) this.put(resource, object);
  }

  /** Forgets the past: watches from before now expire. */
  compact(): void {
    this.#oldest = ++this.#version;
    this.#history.length = 0;
  }

  /** Tells watches which version they have got to. */
  bookmark(): void {
    const metadata = { resourceVersion: String(this.#version) };
    for (const { response } of this.#watches) send(response, 'BOOKMARK', { kind: 'Pod', metadata });
  }

  /** Writes this to watches as it is. */
  rawToWatches(text: string): void {
    for (const { response } of this.#watches) response.write(text);
  }

  /** Ends watches as the server does once in a while. */
  endWatches(): void {
    for (const { response } of this.#taken()) response.end();
  }

  /** Ends watches with an error in the stream. */
  failWatches(code: number): void {
    for (const { response } of this.#taken()) {
      send(response, 'ERROR', status(code, 'too old resource version'));
      response.end();
    }
  }

  /** Breaks the connections of watches, in the middle of a line. */
  dropWatches(): void {
    for (const { response } of this.#taken()) {
      response.write('{"type":"ADDED","object":{"meta');
      response.destroy();
    }
  }

  /** The watches there are, which from now on get nothing. */
  #taken(): Watch[] {
    const watches = [...this.#watches];
    this.#watches.clear();
    return watches;
  }

  #of(resource: string): Map<string, ApiObject> {
    const objects = this.#objects.get(resource) ?? new Map<string, ApiObject>();
    this.#objects.set(resource, objects);
    return objects;
  }

  #change(resource: string, type: Change['type'], given: ApiObject): void {
    const version = ++this.#version;
    const metadata = { ...given.metadata, resourceVersion: String(version) };
    const object = { ...given, metadata };
    if (type === 'DELETED') this.#of(resource).delete(keyOf(object));
    else this.#of(resource).set(keyOf(object), object);
    const change = { version, type, resource, object };
    this.#history.push(change);
    for (const watch of this.#watches) deliver(watch, change);
  }

  #serve(request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url ?? '/', 'http://localhost');
    this.requests.push(`${url.pathname}${url.search}`);
    const index = this.refusals.findIndex(({ path = '' }) => url.pathname.endsWith(path));
    const [refusal] = index < 0 ? [] : this.refusals.splice(index, 1);
    if (refusal !== undefined) return refuse(response, refusal.status, 'refused by the test', refusal.headers);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (this.tokens.size > 0 && !this.tokens.has(token)) return refuse(response, 401, 'Unauthorized');
    const [, namespace, resource] = PATH.exec(url.pathname) ?? [];
    if (resource === undefined) return refuse(response, 404, 'the server could not find the requested resource');
    const query = url.searchParams;
    if (query.has('sendInitialEvents')) return refuse(response, 422, 'sendInitialEvents is forbidden', {}, 'Invalid');
    if (query.get('watch') === 'true' || query.get('watch') === '1') {
      return this.#watch({ resource, namespace, query, response });
    }
    return this.#list({ resource, namespace, query, response });
  }

  #list(about: Watch): unknown {
    const { resource, query, response } = about;
    const [from, version] = (query.get('continue') ?? `0:${this.#version}`).split(':').map(Number) as [number, number];
    if (from > 0 && (this.pagesExpire || version < this.#oldest)) {
      return refuse(response, 410, 'The provided continue parameter is too old', {}, 'Expired');
    }
    const all = [...this.#of(resource).values()].filter((object) => isAbout(about, object));
    const limit = Number(query.get('limit') ?? 0) || all.length;
    const more = from + limit < all.length;
    const metadata = {
      resourceVersion: String(version),
      ...(more ? { continue: `${from + limit}:${version}`, remainingItemCount: all.length - from - limit } : {}),
    };
    return answer(response, 200, { ...typeOf(resource, 'List'), metadata, items: all.slice(from, from + limit) });
  }

  #watch(watch: Watch): void {
    const { query, response } = watch;
    const since = Number(query.get('resourceVersion') ?? 0);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (since < this.#oldest) {
      send(response, 'ERROR', status(410, `too old resource version: ${since} (${this.#oldest})`, 'Expired'));
      response.end();
      return;
    }
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    for (const change of this.#history) if (change.version > since) deliver(watch, change);
  }
}

const keyOf = ({ metadata: { namespace, name } }: ApiObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

function isAbout({ namespace, query }: Watch, object: ApiObject): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  return (
    matches(query.get('labelSelector'), (name) => object.metadata.labels?.[name]) &&
    matches(query.get('fieldSelector'), (path) => fieldOf(object, path))
  );
}

function deliver(watch: Watch, { type, resource, object }: Change): void {
  if (resource !== watch.resource || !isAbout(watch, object)) return;
  send(watch.response, type, { ...typeOf(resource), ...object });
}

function send(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function refuse(
  response: ServerResponse,
  code: number,
  message: string,
  headers: Record<string, string> = {},
  reason?: string,
): void {
  answer(response, code, status(code, message, reason), headers);
}

function answer(response: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
