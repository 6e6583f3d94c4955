import { createHash } from 'node:crypto';
import { Attributes } from '../../otlp/readers/attributes.ts';
import { Groups } from '../../otlp/readers/groups.ts';
import { LogRecordReader } from '../../otlp/readers/log-record.ts';
import { ValueReader, ValueType, valueText } from '../../otlp/value.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { NativeBlock } from '../native/block.ts';
import { NumberColumn, type StringColumn } from '../native/columns.ts';
import { appendAttributes, MapColumn } from '../native/nested.ts';
import { PLATFORM_TABLES } from '../schema/platform.ts';
import { Origin } from './origin.ts';
import type { Rows } from './rows.ts';

/** Where events say who they are of, most specific first; the names are those by which kafka's key `user` goes. */
const IDS: Readonly<Record<string, readonly string[]>> = {
  event_id: ['eventId', 'event.id'],
  event_type: ['eventType', 'event.name'],
  user_id: ['userId', 'user.id'],
  session_id: ['sessionId', 'session.id'],
};
const ID_COLUMNS: ReadonlyMap<string, string> = new Map(
  Object.entries(IDS).flatMap(([column, keys]) => keys.map((key) => [key, column] as const)),
);
/** Maps under these keys are opened: what is in them stands beside all the rest. */
const OPENED: ReadonlySet<string> = new Set(['properties', 'metrics']);
const ENTRY = (1 << 3) | 2;

/** Log records as rows of the platform: events, which have a name or a type, and all others. */
export function platformLogs(): Rows {
  const events = new NativeBlock(PLATFORM_TABLES.business_events.table);
  const logs = new NativeBlock(PLATFORM_TABLES.logs.table);
  const groups = new Groups();
  const origin = new Origin(groups);
  const record = new LogRecordReader();
  const event = new Event();
  const appendEvent = eventColumns(events, record, event);
  const appendLog = logColumns(logs, record, origin);

  function append(batch: Telemetry): void {
    groups.open(batch);
    while (groups.nextResource()) {
      while (groups.nextScope()) {
        while (groups.nextMember()) {
          record.read(groups.buffer, groups.memberStart, groups.memberEnd);
          if (event.read(record)) appendEvent();
          else appendLog();
        }
      }
    }
  }
  return {
    append,
    blocks: [
      { table: 'business_events', block: events },
      { table: 'logs', block: logs },
    ],
  };
}

/** A log record read as an event. */
class Event {
  readonly ids = new Map<string, string>();
  readonly properties: [string, string][] = [];
  readonly metrics: [string, number][] = [];
  readonly #value = new ValueReader();

  /** False where it is none. */
  read(record: LogRecordReader): boolean {
    this.ids.clear();
    this.properties.length = this.metrics.length = 0;
    if (record.eventNameStart !== record.eventNameEnd) this.ids.set('event_type', record.eventName);
    else if (!hasType(record)) return false;
    this.#readAll(record.attributes);
    const { buffer, bodyStart, bodyEnd } = record;
    const body = this.#value.read(buffer, bodyStart, bodyEnd);
    if (body.type === ValueType.MAP) this.#readAll(new Attributes().set(buffer, body.start, body.end, ENTRY));
    else if (body.type !== ValueType.EMPTY) this.properties.push(['body', valueText(buffer, bodyStart, bodyEnd)]);
    return true;
  }

  #readAll(attributes: Attributes): void {
    attributes.rewind();
    while (attributes.next()) {
      const key = attributes.key();
      const { buffer, valueStart, valueEnd } = attributes;
      const value = this.#value.read(buffer, valueStart, valueEnd);
      const column = ID_COLUMNS.get(key);
      if (column !== undefined) {
        if (!this.ids.has(column)) this.ids.set(column, valueText(buffer, valueStart, valueEnd));
      } else if (value.type === ValueType.MAP && OPENED.has(key)) {
        this.#readAll(new Attributes().set(buffer, value.start, value.end, ENTRY));
      } else if (value.type === ValueType.INT) this.metrics.push([key, Number(value.int)]);
      else if (value.type === ValueType.DOUBLE) this.metrics.push([key, value.double]);
      else this.properties.push([key, valueText(buffer, valueStart, valueEnd)]);
    }
  }
}

function hasType(record: LogRecordReader): boolean {
  const { attributes } = record;
  attributes.rewind();
  while (attributes.next()) if (TYPE_KEYS.some((key) => attributes.keyIs(key))) return true;
  return false;
}

const TYPE_KEYS = (IDS.event_type ?? []).map((key) => Buffer.from(key));

function eventColumns(block: NativeBlock, record: LogRecordReader, event: Event): () => void {
  const ids = Object.keys(IDS).map((name) => [name, block.string(name)] as const);
  const traceId = block.string('trace_id');
  const time = block.number('timestamp');
  const properties = block.map('properties');
  const metrics = block.any('metrics', MapColumn);
  const numbers: unknown = metrics.values;
  if (!(numbers instanceof NumberColumn)) throw new Error('column metrics has no numbers');
  return () => {
    for (const [name, column] of ids) column.text(event.ids.get(name) ?? (name === 'event_id' ? idOf(record) : ''));
    traceId.id(record.buffer, record.traceIdAt, 16);
    appendTime(time, record);
    for (const [key, value] of event.properties) {
      properties.keys.text(key);
      properties.values.text(value);
    }
    properties.end(event.properties.length);
    for (const [key, value] of event.metrics) {
      metrics.keys.text(key);
      numbers.double(value);
    }
    metrics.end(event.metrics.length);
    block.rows++;
  };
}

/** An event without an id gets one made of its bytes, so that the same event has the same id when it comes again. */
function idOf({ buffer, start, end }: LogRecordReader): string {
  return createHash('sha256').update(buffer.subarray(start, end)).digest('hex').slice(0, 32);
}

function logColumns(block: NativeBlock, record: LogRecordReader, origin: Origin): () => void {
  const time = block.number('timestamp');
  const traceId = block.string('trace_id');
  const spanId = block.string('span_id');
  const service: StringColumn = block.string('service_name');
  const severityText = block.string('severity_text');
  const severityNumber = block.number('severity_number');
  const body = block.string('body');
  const tags = block.map('tags');
  const process = block.map('process');
  return () => {
    const { buffer } = record;
    appendTime(time, record);
    traceId.id(buffer, record.traceIdAt, 16);
    spanId.id(buffer, record.spanIdAt, 8);
    origin.appendServiceName(service);
    severityText.range(buffer, record.severityTextStart, record.severityTextEnd);
    severityNumber.byte(record.severityNumber);
    body.value(buffer, record.bodyStart, record.bodyEnd);
    appendAttributes(tags, record.attributes);
    appendAttributes(process, origin.resource);
    block.rows++;
  };
}

/** When it happened, or where nobody knows, when it was seen. */
function appendTime(column: NumberColumn, record: LogRecordReader): void {
  column.bits64(record.buffer, record.timeUnixNano === 0n ? record.observedTimeAt : record.timeAt);
}
