import type { HeaderField } from '../http2/hpack-decoder.ts';
import { RequestHead } from '../http2/request-head.ts';

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_IN_TARGET = /[\x00-\x20\x7f]/;

/** The header section of a request over HTTP/2, with the names and meanings that HTTP/1.1 gives to its parts. */
export class Http2Head extends RequestHead {
  /** Without the query. */
  route = '';
  query = '';
  /** Fields are missing: together they were over the limit. */
  readonly oversized: boolean;
  #host: string | undefined;
  #all: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(fields: readonly HeaderField[], oversized: boolean) {
    super(fields);
    this.oversized = oversized;
  }

  override parse(): boolean {
    if (!super.parse() || !TOKEN.test(this.method) || NOT_IN_TARGET.test(this.path)) return false;
    if (this.path[0] !== '/' && !(this.method === 'OPTIONS' && this.path === '*')) return false;
    const mark = this.path.indexOf('?');
    this.route = mark < 0 ? this.path : this.path.slice(0, mark);
    this.query = mark < 0 ? '' : this.path.slice(mark + 1);
    return true;
  }

  /** Two answers to the question which host is meant are refused (RFC 9113 section 8.3.1). */
  protected override field(name: string, value: string): boolean {
    if (name !== 'host') return super.field(name, value);
    if (this.#host !== undefined || (this.authority !== '' && this.authority !== value)) return false;
    this.#host = value;
    return true;
  }

  override get(name: string): string | undefined {
    if (name === 'host') return this.#host ?? (this.authority === '' ? undefined : this.authority);
    return name.startsWith(':') ? undefined : super.get(name);
  }

  /** As the same request would have them over HTTP/1.1. */
  get all(): ReadonlyMap<string, readonly string[]> {
    this.#all ??= this.#collect();
    return this.#all;
  }

  #collect(): ReadonlyMap<string, readonly string[]> {
    const all = new Map<string, string[]>();
    const host = this.get('host');
    if (host !== undefined) all.set('host', [host]);
    for (const { name, value } of this.fields) {
      if (name.startsWith(':') || name === 'host') continue;
      const known = all.get(name);
      if (known === undefined) all.set(name, [value]);
      // RFC 9113 section 8.2.3: cut up so that it is better compressed
      else if (name === 'cookie') known[0] += `; ${value}`;
      else known.push(value);
    }
    return all;
  }
}
