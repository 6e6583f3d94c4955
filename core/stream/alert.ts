import { Writer } from '../otlp/edit/writer.ts';
import { LogTag } from '../otlp/readers/log-record.ts';
import { encodeAttribute, encodeDouble, encodeString, encodeValue, type PlainValue } from '../otlp/value-encode.ts';
import { tagOf, WireType } from '../otlp/wire.ts';
import type { RequestContext } from '../telemetry/context.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { nanosOf } from './event-time.ts';

/** The attributes of a log record that is an alert. */
export const AlertAttribute = {
  TYPE: 'alert.type',
  SEVERITY: 'alert.severity',
  /** What it is about: the key of the series, user or trace. */
  KEY: 'alert.key',
  /** When what it is about began and ended: RFC 3339, with milliseconds, in UTC. */
  FIRST_TIME: 'alert.first_time',
  LAST_TIME: 'alert.last_time',
  /** How many events or alerts it stands for. */
  COUNT: 'alert.count',
  /** Ids of them, not all where they are many. */
  EVIDENCE: 'alert.evidence',
} as const;

/** An alert names so many events: enough to look into it, and short enough for every store. */
export const MOST_EVIDENCE = 100;

/** Severities of alerts, and what they are as severities of log records. */
export const SEVERITIES = { LOW: 9, MEDIUM: 13, HIGH: 17, CRITICAL: 21 } as const;
export type Severity = keyof typeof SEVERITIES;

/** Times in milliseconds since the Unix epoch. */
export interface Alert {
  readonly type: string;
  readonly severity: Severity;
  /** Becomes the service.name of the resource; empty for none. */
  readonly service: string;
  readonly key: string;
  /** Event time of the alert itself. */
  readonly time: number;
  readonly firstTime: number;
  readonly lastTime: number;
  readonly count: number;
  readonly evidence: readonly string[];
  /** One sentence. */
  readonly message: string;
  readonly attributes?: Readonly<Record<string, PlainValue>>;
  /** Attributes that are doubles whatever their value, so that stores see one type. */
  readonly numbers?: Readonly<Record<string, number>>;
  /** 16 bytes. */
  readonly traceId?: Buffer | undefined;
}

const EVENT_NAME = 'alert';
const SCOPE = 'weir/alert';
const RESOURCE_LOGS = tagOf(1, WireType.BYTES);
const RESOURCE = tagOf(1, WireType.BYTES);
const SCOPE_LOGS = tagOf(2, WireType.BYTES);
const SCOPE_FIELD = tagOf(1, WireType.BYTES);
const SCOPE_NAME = tagOf(1, WireType.BYTES);
const LOG_RECORDS = tagOf(2, WireType.BYTES);
const RESOURCE_ATTRIBUTES = tagOf(1, WireType.BYTES);
/** What messages are expected to be about as long as. */
const EXPECTED_GROUP = 1 << 12;
const EXPECTED_RECORD = 500;
const EXPECTED_ATTRIBUTE = 50;
const FIXED64_BYTES = 8;

const writer = new Writer();

/** Alerts as log records, in order; neighbours of one service share their resource. */
export function encodeAlerts(alerts: readonly Alert[], context: RequestContext): Telemetry {
  let open: string | undefined;
  for (const alert of alerts) {
    if (alert.service !== open) {
      if (open !== undefined) closeGroup();
      openGroup(alert.service);
      open = alert.service;
    }
    writeRecord(alert);
  }
  if (open !== undefined) closeGroup();
  return Telemetry.of('logs', writer.toBuffer(), alerts.length, context);
}

/** Milliseconds as RFC 3339. */
export function timeText(millis: number): string {
  return new Date(millis).toISOString();
}

function openGroup(service: string): void {
  writer.open(RESOURCE_LOGS, EXPECTED_GROUP);
  if (service !== '') {
    writer.open(RESOURCE, EXPECTED_ATTRIBUTE);
    writeAttribute(RESOURCE_ATTRIBUTES, 'service.name', service);
    writer.close();
  }
  writer.open(SCOPE_LOGS, EXPECTED_GROUP);
  writer.open(SCOPE_FIELD, SCOPE.length);
  writer.field(SCOPE_NAME, Buffer.from(SCOPE));
  writer.close();
}

function closeGroup(): void {
  writer.close();
  writer.close();
}

function writeRecord(alert: Alert): void {
  writer.open(LOG_RECORDS, EXPECTED_RECORD);
  writeTime(LogTag.TIME, alert.time);
  writer.varint(LogTag.SEVERITY_NUMBER);
  writer.varint(SEVERITIES[alert.severity]);
  writer.field(LogTag.SEVERITY_TEXT, Buffer.from(alert.severity));
  writer.field(LogTag.BODY, encodeString(alert.message));
  for (const [key, value] of Object.entries(alertAttributes(alert))) writeAttribute(LogTag.ATTRIBUTES, key, value);
  for (const [key, value] of Object.entries(alert.numbers ?? {})) {
    writer.field(LogTag.ATTRIBUTES, encodeAttribute(key, encodeDouble(value)));
  }
  if (alert.traceId !== undefined) writer.field(LogTag.TRACE_ID, alert.traceId);
  writeTime(LogTag.OBSERVED_TIME, alert.time);
  writer.field(LogTag.EVENT_NAME, Buffer.from(EVENT_NAME));
  writer.close();
}

function alertAttributes(alert: Alert): Record<string, PlainValue> {
  return {
    [AlertAttribute.TYPE]: alert.type,
    [AlertAttribute.SEVERITY]: alert.severity,
    [AlertAttribute.KEY]: alert.key,
    [AlertAttribute.FIRST_TIME]: timeText(alert.firstTime),
    [AlertAttribute.LAST_TIME]: timeText(alert.lastTime),
    [AlertAttribute.COUNT]: alert.count,
    [AlertAttribute.EVIDENCE]: alert.evidence.slice(0, MOST_EVIDENCE),
    ...alert.attributes,
  };
}

function writeAttribute(tag: number, key: string, value: PlainValue): void {
  writer.field(tag, encodeAttribute(key, encodeValue(value)));
}

function writeTime(tag: number, millis: number): void {
  writer.varint(tag);
  writer.reserve(FIXED64_BYTES);
  writer.length = writer.buffer.writeBigUInt64LE(nanosOf(millis), writer.length);
}
