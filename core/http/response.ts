/**
 * Reason phrases of the statuses that our servers give (RFC 9110 section 15). Not node:http's list: that module costs
 * 13 MiB of memory, and a process that only speaks gRPC does not need it.
 */
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Accepted',
  204: 'No Content',
  302: 'Found',
  307: 'Temporary Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** How a response ends up on one connection. */
export interface ResponseFraming {
  /** `Date`, see `httpDate`. */
  readonly date: string;
  /** `close` after this one, `keep-alive` where an HTTP/1.0 client asked for it, else nothing. */
  readonly connection: 'close' | 'keep-alive' | undefined;
  /** The answer to a HEAD: the same headers, no body. */
  readonly headOnly: boolean;
}

/** RFC 9110 section 8.6: no Content-Length in these. */
const BODILESS = new Set([204, 304]);

export const isBodiless = (status: number): boolean => BODILESS.has(status);

/**
 * A complete response. The one object can answer any number of requests; its bytes are made once a second (they hold
 * the date), so a constant answer costs one write.
 */
export class HttpResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  #cached: { readonly date: string; readonly bytes: Buffer } | undefined;

  constructor(status: number, headers: readonly (readonly [string, string])[], body: Buffer | string = '') {
    this.status = status;
    this.headers = headers;
    this.body = typeof body === 'string' ? Buffer.from(body) : body;
  }

  /** The same response with more headers before its own. */
  withHeaders(headers: readonly (readonly [string, string])[]): HttpResponse {
    return headers.length === 0 ? this : new HttpResponse(this.status, [...headers, ...this.headers], this.body);
  }

  encode(framing: ResponseFraming): Buffer {
    if (framing.connection !== undefined || framing.headOnly) return this.#build(framing);
    if (this.#cached?.date !== framing.date) this.#cached = { date: framing.date, bytes: this.#build(framing) };
    return this.#cached.bytes;
  }

  #build({ date, connection, headOnly }: ResponseFraming): Buffer {
    let head = `HTTP/1.1 ${this.status} ${REASONS[this.status] ?? 'Unknown'}\r\n`;
    for (const [name, value] of this.headers) head += `${name}: ${value.replace(/[\r\n]/g, ' ')}\r\n`;
    head += `Date: ${date}\r\n`;
    if (connection !== undefined) head += `Connection: ${connection}\r\n`;
    if (!BODILESS.has(this.status)) head += `Content-Length: ${this.body.length}\r\n`;
    head += '\r\n';
    if (headOnly || BODILESS.has(this.status)) return Buffer.from(head, 'latin1');
    const bytes = Buffer.allocUnsafe(head.length + this.body.length);
    bytes.write(head, 'latin1');
    this.body.copy(bytes, head.length);
    return bytes;
  }
}

const PLAIN_TEXT = [['Content-Type', 'text/plain; charset=utf-8']] as const;

/** The answer to what is not HTTP as it should be: the status in words. */
export function plainResponse(status: number): HttpResponse {
  return new HttpResponse(status, PLAIN_TEXT, `${status} ${REASONS[status] ?? ''}`);
}

export const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
export const BAD_REQUEST = plainResponse(400);
export const TIMED_OUT = plainResponse(408);
export const HEAD_TOO_LONG = plainResponse(431);
export const INTERNAL = plainResponse(500);
export const NO_MEMORY = plainResponse(503);

let lastSecond = -1;
let lastDate = '';

/** `nowMs` as an IMF-fixdate (RFC 9110 section 5.6.7). Computed once a second. */
export function httpDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastDate = new Date(second * 1000).toUTCString();
  }
  return lastDate;
}
