import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { RequestReader } from '../../../core/http/request-reader.ts';
import { ReceiveMemory } from '../../../core/net/receive-memory.ts';
import { Random } from '../../differential/random.ts';
import type { Target } from '../engine.ts';
import { mutateTokens } from '../mutate-tokens.ts';

const WORDS = [
  'POST',
  'GET',
  ' ',
  '\t',
  '\r\n',
  '\n',
  '\r',
  '\0',
  ':',
  ';',
  ',',
  '/v1/traces',
  'http://a/b?c',
  '*',
  '//',
  '?',
  '#',
  '%00',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'Host: a\r\n',
  'Content-Length: 5\r\n',
  'content-length',
  'Content-Length: +5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'transfer-encoding: chunked, gzip\r\n',
  'Transfer-Encoding: \x0bchunked\r\n',
  'identity',
  'Expect: 100-continue\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  ' a: b\r\n',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  '0\r\nt: x\r\n\r\n',
  '5;a=b\r\n',
  'ffffffffffffffff\r\n',
  '-1\r\n',
  '0x5\r\n',
  '\x80',
  '\xff',
  'PRI * HTTP/2.0\r\n\r\n',
];
const MAX_BODY = 4096;
/**
 * Where the peer may refuse what we take: a method it does not know; octets over 127 in a target, which is then not
 * found; extensions of chunks, which we read over; a request after `Connection: close`, which is not the reader's
 * business but the connection's. Behind a request to upgrade it expects another protocol; we serve none, and go on.
 */
const PEER_REFUSES = new Set([
  'HPE_INVALID_METHOD',
  'HPE_INVALID_URL',
  'HPE_STRICT',
  'HPE_CLOSED_CONNECTION',
  'upgraded',
]);

/** One request that was read. */
interface Read {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** Requests until the end of the input or until they are refused. */
interface Reading {
  readonly requests: readonly Read[];
  readonly refused: boolean;
  /** Why, where the peer says. */
  readonly reason: string;
  /** Part of one more is there. */
  readonly incomplete: boolean;
}

const seed = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');
const SEEDS = [
  // two readings of where the body ends
  seed('POST /a HTTP/1.1\nHost: a\nContent-Length: 3\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n'),
  seed('POST /a HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2\n\nxy'),
  seed('POST /a HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n\n1\nx\n0\n\n'),
  seed('POST /v1/traces HTTP/1.1\nHost: a\nContent-Type: application/json\nContent-Length: 5\n\nhello'),
  seed('POST /v1/logs?x=y HTTP/1.1\nHost: a:4318\nTransfer-Encoding: chunked\n\n5\nhello\n6;a=b\n world\n0\nt: x\n\n'),
  seed('GET / HTTP/1.0\nConnection: keep-alive\n\nGET /x HTTP/1.1\nHost: b\nConnection: close\n\n'),
  seed(
    'POST /a HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 2\n\nhi' +
      'POST /b HTTP/1.1\nhost: a\ncontent-length: 0\n\n',
  ),
  seed(
    'POST http://a/v1/metrics HTTP/1.1\nHost: a\nAuthorization: Bearer  x \nX:\n' +
      'Content-Length: 1\n\nx\nGET / HTTP/1.1\nHost: c\n\n',
  ),
];

/** The same octets in one read, in many, and in Node's own parser: who reads another request can be smuggled past. */
export const http1: Target = {
  name: 'http1',
  seeds: () => SEEDS,
  mutate: mutateTokens(/[A-Za-z0-9]+|\r\n|[^A-Za-z0-9]/g, WORDS),
  check(input) {
    const whole = read([input]);
    assert.deepEqual(read(pieces(input)), whole, 'in pieces');
    const peer = readByNode(input);
    // where we read fewer, we refused what the peer did not
    const known = PEER_REFUSES.has(peer.reason) ? peer.requests.length : whole.requests.length;
    assert.deepEqual(whole.requests.slice(0, known), peer.requests.slice(0, whole.requests.length), peer.reason);
    return whole.requests.length > 0;
  },
};

function pieces(input: Buffer): Buffer[] {
  const random = new Random(input.length);
  const list: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const size = 1 + random.below(random.chance(0.5) ? 4 : 40);
    // a copy, so that nothing behind the piece can be read
    list.push(Buffer.from(input.subarray(at, at + size)));
    at += size;
  }
  return list;
}

function read(chunks: readonly Buffer[]): Reading {
  const reader = new RequestReader(new ReceiveMemory(1 << 24), { evict: () => {} }, MAX_BODY);
  const requests: Read[] = [];
  let head: Omit<Read, 'body'> | undefined;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (head === undefined) {
        const found = reader.readHead(chunk, at, chunk.length);
        if (found === undefined) break;
        if ('limit' in found) return end(reader, requests, true);
        const [{ method, path, query, names, values, contentLength }, position] = found;
        head = { method, target: query === '' ? path : `${path}?${query}`, headers: pairs(names, values) };
        at = position;
        if (contentLength > MAX_BODY) return end(reader, requests, true);
        if (contentLength !== 0) reader.beginBody(contentLength);
        else {
          requests.push({ ...head, body: '' });
          head = undefined;
        }
        continue;
      }
      const found = reader.readBody(chunk, at, chunk.length);
      if (found === undefined) break;
      if (found === 'too large' || 'limit' in found) return end(reader, requests, true);
      const [{ buffer, start, end: stop, slab }, position] = found;
      requests.push({ ...head, body: buffer.toString('latin1', start, stop) });
      slab?.release();
      head = undefined;
      at = position;
    }
  }
  return end(reader, requests, false);
}

function end(reader: RequestReader, requests: readonly Read[], refused: boolean): Reading {
  const { incomplete } = reader;
  reader.drop();
  return { requests, refused, reason: '', incomplete: !refused && incomplete };
}

const pairs = (names: readonly string[], values: readonly string[]): string[] =>
  names.map((name, i) => `${name}: ${values[i]}`);

/** What of Node's parser is used here; it has no public name. */
interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  [event: number]: unknown;
}

interface Internals {
  readonly HTTPParser: {
    new (): NodeParser;
    readonly REQUEST: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly methods: readonly string[];
}

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as Internals;

const parser = new HTTPParser();

function readByNode(input: Buffer): Reading {
  parser.initialize(HTTPParser.REQUEST, {});
  const requests: Read[] = [];
  let early: string[] = [];
  let head: Omit<Read, 'body'> = { method: '', target: '', headers: [] };
  let body = '';
  let url = '';
  parser[HTTPParser.kOnHeaders] = (headers: string[], start: string) => {
    early.push(...headers);
    url += start;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    ...[, , headers, method, target]: [0, 0, string[] | undefined, number, string | undefined]
  ) => {
    const all = [...early, ...(headers ?? [])];
    const names = all.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    early = [];
    body = '';
    head = {
      method: methods[method] as string,
      target: originForm(url + (target ?? '')),
      headers: pairs(
        names,
        all.filter((_, i) => i % 2 === 1),
      ),
    };
    url = '';
  };
  parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
    body += bytes.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => void requests.push({ ...head, body });
  const outcome = parser.execute(input);
  const refused = typeof outcome !== 'number';
  return {
    requests,
    refused,
    reason: refused ? ((outcome as NodeJS.ErrnoException).code ?? '') : outcome < input.length ? 'upgraded' : '',
    incomplete: false,
  };
}

/** As our reader gives it: without what names the server. */
function originForm(target: string): string {
  const rest = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^([^?]*)\?$/, '$1');
  return rest.startsWith('/') || rest === target ? rest : `/${rest}`;
}
