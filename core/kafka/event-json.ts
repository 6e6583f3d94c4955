import { plain, plainObject } from '../otlp/plain-value.ts';
import type { AnyValue, LogRecord } from '../otlp/tree.ts';
import { anyValueOf } from './json-value.ts';
import { nanosOf } from './record-time.ts';

/** Fields of a business event that a log record has a place for; all but the first two are attributes as well. */
const TYPE = 'eventType';
const TIME = 'timestamp';
const TRACE = 'traceId';
const SPAN = 'spanId';

const NONE = Buffer.alloc(0);
const NANOS_PER_MS = 1_000_000n;
/** Request, resource, scope, record, attribute, value: what is one inside another at the least. */
const ATTRIBUTE_DEPTH = 6;

/**
 * A business event as a log record: `eventType` is its event name, `timestamp` (milliseconds since the Unix epoch, or
 * text as of RFC 3339) its time, `traceId` and `spanId` its ids where they are hexadecimal of the right length, every
 * other field an attribute, and the body the text as it came. Without a readable timestamp it has no time of its own,
 * only that at which it was observed, `observedMs`.
 *
 * @throws Error where it is no JSON object
 */
export function decodeEvent(value: Buffer, observedMs: number): LogRecord {
  const text = value.toString('utf8');
  const event = objectOf(JSON.parse(text));
  if (event === undefined) throw new Error('the record is no JSON object');
  return {
    timeUnixNano: timeOf(event[TIME]),
    observedTimeUnixNano: nanosOf(observedMs),
    severityNumber: 0,
    severityText: '',
    body: { stringValue: text },
    attributes: Object.entries(event)
      .filter(([key]) => key !== TYPE && key !== TIME)
      .map(([key, field]) => ({ key, value: anyValueOf(field, ATTRIBUTE_DEPTH, numberOf) })),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: idOf(event[TRACE], 16),
    spanId: idOf(event[SPAN], 8),
    eventName: typeof event[TYPE] === 'string' ? event[TYPE] : '',
  };
}

/**
 * A log record as a business event, so that `decodeEvent` gives the record again: the fields of a body that is a map or
 * the text of a JSON object (any other body is the field `body`), then the attributes, then what the record itself has.
 */
export function encodeEvent(record: LogRecord): Buffer {
  const { body, eventName, timeUnixNano, traceId, spanId } = record;
  const event: Record<string, unknown> = Object.create(null);
  const fields = body?.kvlistValue === undefined ? parsed(body) : plainObject(body.kvlistValue.values);
  if (fields !== undefined) Object.assign(event, fields);
  else if (body !== undefined) event.body = plain(body);
  Object.assign(event, plainObject(record.attributes));
  if (eventName !== '') event[TYPE] = eventName;
  // text that means the same time stays as it is
  if (timeUnixNano !== 0n && timeOf(event[TIME]) !== timeUnixNano) event[TIME] = Number(timeUnixNano / NANOS_PER_MS);
  if (traceId.length > 0) event[TRACE] ??= traceId.toString('hex');
  if (spanId.length > 0) event[SPAN] ??= spanId.toString('hex');
  return Buffer.from(JSON.stringify(event));
}

/** Nanoseconds since the Unix epoch; 0 where it cannot be read or lies before 1970 or beyond 2554. */
function timeOf(timestamp: unknown): bigint {
  const millis =
    typeof timestamp === 'string' ? millisOf(timestamp) : Number(typeof timestamp === 'number' && timestamp);
  return nanosOf(millis);
}

/** NaN where it is neither milliseconds nor a date with its time; without a zone it is UTC, wherever this runs. */
function millisOf(text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  const [date, zone] = /^\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*(Z|[+-]\d\d:?\d\d)?$/i.exec(text) ?? ['', ''];
  return Date.parse(zone === undefined ? `${date}Z` : date);
}

function idOf(text: unknown, bytes: number): Buffer {
  return typeof text === 'string' && text.length === 2 * bytes && /^[0-9a-f]+$/i.test(text)
    ? Buffer.from(text, 'hex')
    : NONE;
}

function objectOf(json: unknown): Record<string, unknown> | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)
    : undefined;
}

function parsed(body: AnyValue | undefined): Record<string, unknown> | undefined {
  if (body?.stringValue?.startsWith('{') !== true) return undefined;
  try {
    return objectOf(JSON.parse(body.stringValue));
  } catch {
    return undefined;
  }
}

/** Whole numbers are integers where a double can tell them apart. */
const numberOf = (json: number): AnyValue =>
  Number.isSafeInteger(json) ? { intValue: BigInt(json) } : { doubleValue: json };
