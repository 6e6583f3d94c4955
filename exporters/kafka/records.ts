import { SpanMessages, toJson } from '../../core/jaeger/span-message.ts';
import type { OutgoingRecord } from '../../core/kafka/client.ts';
import { encodeEvent } from '../../core/kafka/event-json.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import { plain, plainObject } from '../../core/otlp/plain-value.ts';
import { split, take, takeBytes } from '../../core/otlp/split.ts';
import { decodeTree, type LogRecord } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { fromOtlp } from '../../core/zipkin/from-otlp.ts';
import { writeJson } from '../../core/zipkin/json.ts';
import { writeProto } from '../../core/zipkin/protobuf.ts';

export const ENCODINGS: Readonly<Record<string, readonly Signal[]>> = {
  otlp_proto: ['traces', 'metrics', 'logs'],
  otlp_json: ['traces', 'metrics', 'logs'],
  jaeger_proto: ['traces'],
  jaeger_json: ['traces'],
  zipkin_proto: ['traces'],
  zipkin_json: ['traces'],
  raw: ['logs'],
  text: ['logs'],
  json: ['logs'],
  events_json: ['logs'],
};

/** A record and the part of the batch that is in it, which has a reference of its own. */
export interface Encoded {
  readonly record: OutgoingRecord;
  readonly part: Telemetry;
}

/** What records are made from, and what they may weigh. */
export interface Envelope {
  readonly topic: string;
  readonly key: Buffer | undefined;
  readonly headers: OutgoingRecord['headers'];
  readonly encoding: string;
  readonly maxBytes: number;
}

/** What a batch of records (61 bytes) and a record (at most 36) have beside their content. */
const OVERHEAD = 128;

/** What a record takes of `maxBytes`. */
export function weight({ key, value, headers }: OutgoingRecord): number {
  const text = headers.reduce(
    (sum, [name, header]) => sum + Buffer.byteLength(name) + Buffer.byteLength(header) + 10,
    0,
  );
  return OVERHEAD + (key?.length ?? 0) + value.length + text;
}

/**
 * Makes records of a batch, none of which is larger than `maxBytes`, and takes over its reference. Items that do not
 * fit by themselves, or that the encoding does not have, go to `refused`, one by one, with a reference.
 */
export function encode(batch: Telemetry, envelope: Envelope, refused: Telemetry[]): Encoded[] {
  const empty = { topic: envelope.topic, key: envelope.key, value: Buffer.alloc(0), headers: envelope.headers };
  const room = envelope.maxBytes - weight(empty);
  const encoded: Encoded[] = [];
  const put: Put = (part, value, key = empty.key) => {
    const record = { ...empty, key, value };
    if (weight(record) <= envelope.maxBytes) encoded.push({ record, part });
    else refused.push(part);
  };
  if (envelope.encoding === 'otlp_proto') putProto(batch, room, put);
  else if (envelope.encoding === 'otlp_json') putWhole(batch, encodeJson, room, put);
  else if (isJaeger(envelope.encoding)) putJaeger(batch, envelope, put);
  else {
    const write = ZIPKIN[envelope.encoding];
    if (write === undefined) putEach(batch, envelope.encoding, put);
    else putWhole(batch, write, room, (part, value) => (value === undefined ? refused.push(part) : put(part, value)));
  }
  return encoded;
}

type Put = (part: Telemetry, value: Buffer, key?: Buffer) => void;

/** Whether the key of a record is the trace of the span in it unless it was given another. */
export const isJaeger = (encoding: string): boolean => encoding.startsWith('jaeger_');

const spanMessages = new SpanMessages();

function putJaeger(batch: Telemetry, { encoding, key }: Envelope, put: Put): void {
  for (const part of split(batch, 1)) {
    for (const { traceId, bytes } of spanMessages.encode(part)) {
      put(part, encoding === 'jaeger_json' ? toJson(bytes) : bytes, key ?? Buffer.from(traceId));
    }
  }
}

function putProto(batch: Telemetry, room: number, put: Put): void {
  for (let rest: Telemetry | undefined = batch; rest !== undefined; ) {
    const parts: ReturnType<typeof takeBytes> = takeBytes(rest, room);
    put(parts.head, parts.head.bytes());
    rest = parts.rest;
  }
}

/** How long it gets, and whether all items can be written, is known when it is there: else it is halved. */
function putWhole<V extends Buffer | undefined>(
  batch: Telemetry,
  write: (batch: Telemetry) => V,
  room: number,
  put: (part: Telemetry, value: V) => void,
): void {
  const value = write(batch);
  if ((value !== undefined && value.length <= room) || batch.items <= 1) {
    put(batch, value);
    return;
  }
  const { head, rest } = take(batch, Math.ceil(batch.items / 2));
  putWhole(head, write, room, put);
  if (rest !== undefined) putWhole(rest, write, room, put);
}

/** Lists of spans; undefined where one of them cannot be written. */
const ZIPKIN: Readonly<Record<string, (batch: Telemetry) => Buffer | undefined>> = {
  zipkin_proto: (batch) => orUndefined(() => writeProto(fromOtlp(batch))),
  zipkin_json: (batch) => orUndefined(() => writeJson(fromOtlp(batch))),
};

function orUndefined(write: () => Buffer): Buffer | undefined {
  try {
    return write();
  } catch {
    return undefined;
  }
}

/** Whether what was refused cannot be written in the encoding at all. */
export function isUnwritable(item: Telemetry, encoding: string): boolean {
  const write = ZIPKIN[encoding];
  return write !== undefined && write(item) === undefined;
}

function putEach(batch: Telemetry, encoding: string, put: Put): void {
  const toValue = TO_VALUE[encoding] ?? rawBody;
  for (const part of split(batch, 1)) {
    for (const resource of decodeTree('logs', part).resourceLogs) {
      for (const scope of resource.scopeLogs) for (const record of scope.logRecords) put(part, toValue(record));
    }
  }
}

const TO_VALUE: Readonly<Record<string, (record: LogRecord) => Buffer>> = {
  events_json: encodeEvent,
  json: eventJson,
  text: bodyText,
};

function bodyText({ body }: LogRecord): Buffer {
  return Buffer.from(valueText(body));
}

/** Bytes as they are, everything else as text, which is JSON for lists and maps. */
function rawBody({ body }: LogRecord): Buffer {
  return body?.bytesValue ?? Buffer.from(valueText(body));
}

/**
 * An event as one object: its attributes, then the entries of its body, or the body as `body`. Its name and time are
 * there as `eventType` and `timestamp` unless it says so itself.
 */
function eventJson({ attributes, body, eventName, timeUnixNano, observedTimeUnixNano }: LogRecord): Buffer {
  const time = timeUnixNano === 0n ? observedTimeUnixNano : timeUnixNano;
  const event: Record<string, unknown> = Object.create(null);
  if (eventName !== '') event.eventType = eventName;
  if (time !== 0n) event.timestamp = new Date(Number(time / 1_000_000n)).toISOString();
  Object.assign(event, plainObject(attributes));
  if (body?.kvlistValue !== undefined) Object.assign(event, plainObject(body.kvlistValue.values));
  else if (body !== undefined) event.body = plain(body);
  return Buffer.from(JSON.stringify(event));
}

/** Who sent what is too large, for the log. */
export function nameOf(item: Telemetry): string {
  const { signal } = item;
  const [resource] = groupsOf(signal, item);
  const service = resource?.resource?.attributes.find(({ key }) => key === 'service.name');
  const from = `of service ${JSON.stringify(valueText(service?.value))}`;
  return resource?.name === undefined ? `${WHAT[signal]} ${from}` : `${WHAT[signal]} "${resource.name}" ${from}`;
}

const WHAT: Readonly<Record<Signal, string>> = { traces: 'span', metrics: 'metric', logs: 'log record' };

function groupsOf(signal: Signal, item: Telemetry) {
  if (signal === 'traces') {
    return decodeTree(signal, item).resourceSpans.map(({ resource, scopeSpans }) => ({
      resource,
      name: scopeSpans[0]?.spans[0]?.name,
    }));
  }
  if (signal === 'metrics') {
    return decodeTree(signal, item).resourceMetrics.map(({ resource, scopeMetrics }) => ({
      resource,
      name: scopeMetrics[0]?.metrics[0]?.name,
    }));
  }
  return decodeTree(signal, item).resourceLogs.map(({ resource }) => ({ resource, name: undefined }));
}
