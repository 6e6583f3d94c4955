import { decompress, isEncoding } from '../../core/compression/decompress.ts';
import { DecompressError } from '../../core/compression/error.ts';
import type { Consumer, Outputs } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import { httpStatusOf, statusCodeOf } from '../../core/http/grpc-status.ts';
import { cleanPath, decodedPath, urlPathOf } from '../../core/http/path.ts';
import { HttpResponse } from '../../core/http/response.ts';
import type { HttpHandler, HttpRequest, HttpServerOptions } from '../../core/http/types.ts';
import { withCors } from '../../core/http/with-cors.ts';
import { NOT_FOUND } from '../../core/http-admin/server.ts';
import { encodeExportResponse, encodeExportResponseJson } from '../../core/otlp/service.ts';
import { encodeStatus, encodeStatusJson, type Status } from '../../core/otlp/status.ts';
import { SIGNALS, type Signal } from '../../core/signal.ts';
import type { ByteRange } from '../../core/telemetry/telemetry.ts';
import type { HttpConfig } from './config.ts';
import { type ContextSource, contextSource, type Guards, gate, ingest, ingestJson } from './ingest.ts';

/** For a limit of 0 or less. */
const DEFAULT_MAX_BODY = 20 * 1024 * 1024;

export const maxBodyOf = (config: HttpConfig): number =>
  config.max_request_body_size > 0 ? config.max_request_body_size : DEFAULT_MAX_BODY;

/** One of the two encodings of requests and answers. */
interface Encoding {
  readonly contentType: string;
  readonly ingest: typeof ingest;
  status(status: Status): Buffer;
  success(signal: Signal): Buffer;
}

const PROTO: Encoding = {
  contentType: 'application/x-protobuf',
  ingest,
  status: encodeStatus,
  success: () => encodeExportResponse(),
};

const JSON_TEXT: Encoding = {
  contentType: 'application/json',
  ingest: ingestJson,
  status: encodeStatusJson,
  success: (signal) => encodeExportResponseJson(signal),
};

/** RFC 9110 section 8.3.1. */
const MEDIA_TYPE = /^([^\s;]+)\s*(?:;\s*[^\s;="]+=(?:[^\s;"]+|"(?:[^"\\]|\\.)*")\s*)*;?\s*$/;

/** Parameters do not matter, but must be well formed. */
function encodingOf(contentType: string | undefined): Encoding | undefined {
  const type = MEDIA_TYPE.exec(contentType ?? '')?.[1]?.toLowerCase();
  if (type === PROTO.contentType) return PROTO;
  return type === JSON_TEXT.contentType ? JSON_TEXT : undefined;
}

const errorEncodingOf = (request: HttpRequest): Encoding => encodingOf(request.header('content-type')) ?? JSON_TEXT;

const TEXT = [['Content-Type', 'text/plain']] as const;
const NOT_POST = new HttpResponse(405, TEXT, '405 method not allowed, supported: [POST]');
const NOT_SUPPORTED = new HttpResponse(
  415,
  TEXT,
  '415 unsupported media type, supported: [application/json, application/x-protobuf]',
);
const TOO_LARGE = 'http: request body too large';

/** As Go's servers: senders that put a slash too many reach the right path, and keep method and body. */
const redirect = (path: string, query: string): HttpResponse =>
  new HttpResponse(307, [['Location', encodeURI(path) + (query === '' ? '' : `?${query}`)]]);

type HeaderList = readonly (readonly [string, string])[];

interface Route {
  readonly signal: Signal;
  readonly consumer: Consumer;
  readonly success: ReadonlyMap<Encoding, HttpResponse>;
}

/** The handler for `protocols.http`: one path for each signal that a pipeline wants. */
export function httpHandler(config: HttpConfig, outputs: Outputs): HttpHandler {
  const headers = [...config.response_headers].map(([name, value]) => [name, value.reveal()] as const);
  const handler = new ExportHandler(config, outputs, headers);
  return withCors(config.cors, headers, (request) => handler.handle(request));
}

/** Runs before a body is read; undefined where everybody may send. */
export function httpGate(config: HttpConfig, guards: Guards): HttpServerOptions['authenticate'] {
  return gate(guards, (request) => credentials(config, request));
}

/** Headers, and the query parameters that may stand in for them. */
function credentials(config: HttpConfig, request: HttpRequest): ReadonlyMap<string, readonly string[]> {
  const names = config.auth?.request_params ?? [];
  const headers = request.headers();
  if (names.length === 0) return headers;
  const query = new URLSearchParams(request.query);
  const given = names
    .filter((name) => query.has(name))
    .map((name) => [name.toLowerCase(), query.getAll(name)] as const);
  return new Map([...headers, ...given]);
}

class ExportHandler {
  readonly #config: HttpConfig;
  readonly #routes = new Map<string, Route>();
  /** `response_headers`. */
  readonly #headers: HeaderList;
  readonly #encodings: ReadonlySet<string>;
  readonly #contextOf: ContextSource;

  constructor(config: HttpConfig, outputs: Outputs, headers: HeaderList) {
    this.#config = config;
    this.#contextOf = contextSource('http', config.include_metadata);
    this.#headers = headers;
    this.#encodings = new Set(config.compression_algorithms);
    for (const signal of SIGNALS) {
      const consumer = outputs.for(signal);
      if (consumer === undefined) continue;
      const success = new Map([PROTO, JSON_TEXT].map((encoding) => [encoding, this.#success(encoding, signal)]));
      const path = urlPathOf(config[`${signal}_url_path`]);
      if (typeof path === 'string') this.#routes.set(path, { signal, consumer, success });
    }
  }

  #success(encoding: Encoding, signal: Signal): HttpResponse {
    const headers = [...this.#headers, ['Content-Type', encoding.contentType] as const];
    return new HttpResponse(200, headers, encoding.success(signal));
  }

  handle(request: HttpRequest): void {
    const { denied } = request;
    if (denied === undefined) this.#route(request, request.auth);
    else if (denied.error instanceof PipelineError) this.#refuse(request, errorEncodingOf(request), denied.error);
    else this.#fault(request, 401, denied.error);
  }

  #route(request: HttpRequest, auth: ReadonlyMap<string, string> | undefined): void {
    const coding = request.header('content-encoding') ?? '';
    if (!this.#encodings.has(coding) || (coding !== '' && !isEncoding(coding))) {
      this.#fault(request, 400, new Error(`unsupported Content-Encoding: ${coding}`));
      return;
    }
    const path = decodedPath(request.path);
    const clean = cleanPath(path);
    const route = this.#routes.get(path);
    const encoding = encodingOf(request.header('content-type'));
    if (clean !== path) this.#reject(request, redirect(clean, request.query));
    else if (route === undefined) this.#reject(request, NOT_FOUND);
    else if (request.method !== 'POST') this.#reject(request, NOT_POST);
    else if (encoding === undefined) this.#reject(request, NOT_SUPPORTED);
    else if (request.bodyTooLarge) this.#fault(request, 400, new Error(TOO_LARGE));
    else this.#expand(request, route, encoding, coding, auth);
  }

  #expand(
    request: HttpRequest,
    route: Route,
    encoding: Encoding,
    coding: string,
    auth: ReadonlyMap<string, string> | undefined,
  ): void {
    const { body } = request;
    if (!isEncoding(coding)) {
      this.#ingest(request, route, encoding, body, auth);
      return;
    }
    const done = (expanded: Buffer): void => {
      body.slab?.release();
      this.#ingest(request, route, encoding, { buffer: expanded, start: 0, end: expanded.length }, auth);
    };
    const failed = (error: unknown): void => {
      const tooLarge = error instanceof DecompressError && error.tooLarge;
      if (error instanceof PipelineError) this.#refuse(request, errorEncodingOf(request), error);
      else this.#fault(request, 400, tooLarge ? new Error(TOO_LARGE) : error);
    };
    let expanded: Buffer | Promise<Buffer>;
    try {
      expanded = decompress(coding, body.buffer.subarray(body.start, body.end), maxBodyOf(this.#config));
    } catch (error) {
      failed(error);
      return;
    }
    if (expanded instanceof Promise) expanded.then(done, failed);
    else done(expanded);
  }

  #ingest(
    request: HttpRequest,
    route: Route,
    encoding: Encoding,
    body: ByteRange,
    auth: ReadonlyMap<string, string> | undefined,
  ): void {
    const { signal, consumer } = route;
    const accepted = (): void => request.respond(route.success.get(encoding) as HttpResponse);
    const refused = (error: unknown): void => this.#refuse(request, encoding, error, false);
    try {
      const pending = encoding.ingest(signal, consumer, body, this.#contextOf(request, auth), request);
      if (pending === undefined) accepted();
      else pending.then(accepted, refused);
    } catch (error) {
      refused(error);
    }
  }

  /** The answer to an error of a pipeline or of the bytes. */
  #refuse(request: HttpRequest, encoding: Encoding, caught: unknown, ownsBody = true): void {
    if (ownsBody) request.body.slab?.release();
    const { code, answer: message, retryAfterMs } = PipelineError.from(caught);
    this.#sendStatus(request, encoding, httpStatusOf(code), {
      code,
      message,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  /** The answer to a request that does not reach the pipelines. */
  #fault(request: HttpRequest, status: number, error: unknown): void {
    request.body.slab?.release();
    const message = error instanceof Error ? error.message : String(error);
    this.#sendStatus(request, errorEncodingOf(request), status, { code: statusCodeOf(status), message });
  }

  #reject(request: HttpRequest, response: HttpResponse): void {
    request.body.slab?.release();
    request.respond(response.withHeaders(this.#headers));
  }

  #sendStatus(request: HttpRequest, encoding: Encoding, httpStatus: number, status: Status): void {
    const headers: (readonly [string, string])[] = [...this.#headers, ['Content-Type', encoding.contentType]];
    if (status.retryAfterMs !== undefined && (httpStatus === 429 || httpStatus === 503)) {
      headers.push(['Retry-After', String(Math.floor(status.retryAfterMs / 1000))]);
    }
    request.respond(new HttpResponse(httpStatus, headers, encoding.status(status)));
  }
}
