import type { HpackDecoder } from './hpack-decoder.ts';
import { parseRequestHead } from './request-head.ts';
import { findRoute, HEADERS_TOO_LARGE, type Route } from './route.ts';
import type { UnaryHandler } from './types.ts';

/** Longer header blocks are not remembered: they hardly repeat. */
const MAX_REMEMBERED_BLOCK = 128;

/**
 * Most clients send the same few octets as header block again and again. While the header table has not changed, they
 * mean the same request, so nothing is decoded.
 */
export class RouteCache {
  readonly #decoder: HpackDecoder;
  readonly #methods: ReadonlyMap<string, UnaryHandler>;
  readonly #block = Buffer.alloc(MAX_REMEMBERED_BLOCK);
  #length = -1;
  #generation = -1;
  #route: Route | undefined;

  constructor(decoder: HpackDecoder, methods: ReadonlyMap<string, UnaryHandler>) {
    this.#decoder = decoder;
    this.#methods = methods;
  }

  /** Decodes a request's header block; undefined where the request is malformed. */
  route(bytes: Buffer, from: number, to: number): Route | undefined {
    const length = to - from;
    const { generation } = this.#decoder;
    if (length === this.#length && generation === this.#generation && this.#equals(bytes, from)) return this.#route;
    const route = this.#decode(bytes, from, to);
    if (length <= MAX_REMEMBERED_BLOCK && generation === this.#decoder.generation) {
      bytes.copy(this.#block, 0, from, to);
      this.#length = length;
      this.#generation = generation;
      this.#route = route;
    }
    return route;
  }

  /** A loop, because the blocks in question are shorter than what a native call pays off for. */
  #equals(bytes: Buffer, from: number): boolean {
    for (let i = 0; i < this.#length; i++) if (bytes[from + i] !== this.#block[i]) return false;
    return true;
  }

  #decode(bytes: Buffer, from: number, to: number): Route | undefined {
    const head = parseRequestHead(this.#decoder.decode(bytes, from, to));
    if (head === undefined) return undefined;
    return this.#decoder.oversized ? { head, to: HEADERS_TOO_LARGE } : findRoute(head, this.#methods);
  }
}
