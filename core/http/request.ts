import type { Socket } from 'node:net';
import type { Peer } from '../net/peer.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import type { HttpConnection } from './connection.ts';
import type { RequestHead } from './request-head.ts';
import type { HttpResponse } from './response.ts';
import type { HttpRequest } from './types.ts';

const NO_BODY: ByteRange = { buffer: Buffer.alloc(0), start: 0, end: 0 };

export class Request implements HttpRequest {
  readonly #connection: HttpConnection;
  readonly head: RequestHead;
  readonly peer: Peer;
  body = NO_BODY;
  bodyTooLarge = false;
  /** The body is behind us, or there is none: another request may follow. */
  read: boolean;
  auth: ReadonlyMap<string, string> | undefined;
  denied: { readonly error: unknown } | undefined;
  cancelled = false;

  constructor(connection: HttpConnection, head: RequestHead, peer: Peer) {
    this.#connection = connection;
    this.head = head;
    this.peer = peer;
    this.read = head.contentLength === 0;
  }

  get version(): '1.0' | '1.1' {
    return this.head.old ? '1.0' : '1.1';
  }

  get method(): string {
    return this.head.method;
  }

  get path(): string {
    return this.head.path;
  }

  get query(): string {
    return this.head.query;
  }

  header(name: string): string | undefined {
    const at = this.head.names.indexOf(name);
    return at < 0 ? undefined : this.head.values[at];
  }

  headers(): ReadonlyMap<string, readonly string[]> {
    const all = new Map<string, string[]>();
    this.head.names.forEach((name, i) => {
      const value = this.head.values[i] as string;
      const known = all.get(name);
      if (known === undefined) all.set(name, [value]);
      else known.push(value);
    });
    return all;
  }

  complete(body: ByteRange): void {
    this.body = body;
    this.read = true;
  }

  /** For a client that is refused: the length of its body where all of that is `here`, which is then not kept. */
  passOver(here: number): number {
    const { contentLength } = this.head;
    if (contentLength < 0 || contentLength > here) return 0;
    this.read = true;
    return contentLength;
  }

  /** Returns true, as what follows from it is that the connection is used no further. */
  cancel(): true {
    this.cancelled = true;
    return true;
  }

  respond(response: HttpResponse): void {
    this.#connection.respond(this, response);
  }
}

/** IPv4 addresses of sockets for both families are given as IPv4. */
export function peerOf(socket: Socket): Peer {
  const address = socket.remoteAddress ?? '';
  return { address: address.startsWith('::ffff:') ? address.slice(7) : address, port: socket.remotePort ?? 0 };
}
