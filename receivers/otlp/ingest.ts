import type { ServerAuthenticator } from '../../core/auth.ts';
import type { Settings } from '../../core/component.ts';
import type { Consumer } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import type { Counter, MetricDefinition } from '../../core/meter.ts';
import type { ServerMiddleware } from '../../core/middleware.ts';
import type { Peer } from '../../core/net/peer.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { JsonError } from '../../core/otlp/json/error.ts';
import { scan } from '../../core/otlp/scan/scan.ts';
import type { Signal } from '../../core/signal.ts';
import { StatusCode } from '../../core/status-code.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../../core/telemetry/context.ts';
import { type ByteRange, type Caller, Telemetry } from '../../core/telemetry/telemetry.ts';

/**
 * Hands an export request in protobuf to the pipelines. Takes over the reference to `request.slab`. A request without
 * items succeeds and nobody hears of it. Refuses with a PipelineError, a MalformedError where the bytes are at fault.
 */
export function ingest(
  signal: Signal,
  consumer: Consumer,
  request: ByteRange,
  context: RequestContext,
  caller: Caller,
): void | Promise<void> {
  let items: number;
  try {
    items = scan(signal, request.buffer, request.start, request.end);
  } catch (error) {
    request.slab?.release();
    throw error;
  }
  if (items === 0) {
    request.slab?.release();
    return;
  }
  return handOn(consumer, new Telemetry(signal, [request], items, context), caller);
}

/** The same for a request in JSON. */
export function ingestJson(
  signal: Signal,
  consumer: Consumer,
  request: ByteRange,
  context: RequestContext,
  caller: Caller,
): void | Promise<void> {
  let decoded: ReturnType<typeof decodeJson>;
  try {
    decoded = decodeJson(signal, request.buffer.subarray(request.start, request.end));
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const { message } = error;
    throw new PipelineError(message, {
      code: StatusCode.INVALID_ARGUMENT,
      permanent: true,
      text: message,
      cause: error,
    });
  } finally {
    request.slab?.release();
  }
  if (decoded.items === 0) {
    decoded.range.slab?.release();
    return;
  }
  return handOn(consumer, new Telemetry(signal, [decoded.range], decoded.items, context), caller);
}

/** A batch that was accepted at once does not keep its request alive where it waits. */
function handOn(consumer: Consumer, batch: Telemetry, caller: Caller): void | Promise<void> {
  batch.caller = caller;
  const pending = consumer.consume(batch);
  if (pending === undefined) batch.caller = undefined;
  return pending;
}

/** Extensions in front of a server. */
export interface Guards {
  readonly authenticator: ServerAuthenticator | undefined;
  readonly middlewares: readonly ServerMiddleware[];
}

type Attributes = ReadonlyMap<string, string> | undefined;

/**
 * What a request has to pass before its body is read: who it is from, then whether there is room for it. Undefined
 * where every one may come in at any time.
 */
export function gate<T>(
  { authenticator, middlewares }: Guards,
  headersOf: (request: T) => ReadonlyMap<string, readonly string[]>,
): ((request: T) => Attributes | Promise<Attributes>) | undefined {
  if (authenticator === undefined && middlewares.length === 0) return undefined;
  const admit = (auth: Attributes): Attributes => {
    for (const middleware of middlewares) middleware.admit();
    return auth;
  };
  return (request) => {
    const auth = authenticator?.authenticate(headersOf(request));
    return auth instanceof Promise ? auth.then(admit) : admit(auth);
  };
}

const LIMIT_REACHED: MetricDefinition = {
  name: 'otelcol_receiver_limit_reached',
  description: 'Connections ended and requests refused because a limit of the server was reached.',
  unit: '{times}',
};

/** Counts limits that clients reach; a series for each one that was. */
export function limitCounter({ name, meter }: Settings, transport: string): (limit: string) => void {
  const counters = new Map<string, Counter>();
  return (limit) => {
    let counter = counters.get(limit);
    if (counter === undefined) {
      counter = meter.counter(LIMIT_REACHED, { receiver: name, transport, limit });
      counters.set(limit, counter);
    }
    counter.add(1);
  };
}

/** The part of a request that its context is made of. */
interface Origin {
  readonly peer: Peer;
  headers(): ReadonlyMap<string, readonly string[]>;
}

export type ContextSource = (request: Origin, auth: ReadonlyMap<string, string> | undefined) => RequestContext;

/** What is known about a request. Without metadata all requests of a connection share one context. */
export function contextSource(transport: string, includeMetadata: boolean): ContextSource {
  const known = new WeakMap<Peer, RequestContext>();
  return (request, found) => {
    const { peer } = request;
    const auth = found?.size === 0 ? undefined : found;
    const cached = includeMetadata || auth !== undefined ? undefined : known.get(peer);
    if (cached !== undefined) return cached;
    const context: RequestContext = Object.freeze({
      transport,
      metadata: includeMetadata ? request.headers() : EMPTY_CONTEXT.metadata,
      ...(peer.address === '' ? {} : { address: peer.address }),
      ...(auth === undefined ? {} : { auth }),
    });
    if (!includeMetadata && auth === undefined) known.set(peer, context);
    return context;
  };
}
