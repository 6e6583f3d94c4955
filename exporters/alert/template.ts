import { plain, plainObject } from '../../core/otlp/plain-value.ts';
import { decodeTree, type LogRecord } from '../../core/otlp/tree.ts';
import { idText, valueText } from '../../core/otlp/value-text.ts';
import { AlertAttribute } from '../../core/stream/alert.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

const NANOS_PER_MS = 1_000_000n;
const PLACEHOLDER = /\{\{\s*(.*?)\s*\}\}/s;
const JSON_WORD = /^json\s+(.*)$/s;
/** The whole alert, as JSON. */
const WHOLE = 'alert';

/** What of an alert has a name of its own; any other name is an attribute of the record, else of its resource. */
const BUILT_IN: Readonly<Record<string, (alert: AlertRecord) => unknown>> = {
  [WHOLE]: (alert) => alert.document(),
  body: ({ record }) => plain(record.body),
  time: ({ time }) => time,
  severity_text: ({ record }) => record.severityText,
  severity_number: ({ record }) => record.severityNumber,
  trace_id: ({ record }) => idText(record.traceId),
  span_id: ({ record }) => idText(record.spanId),
  'event.name': ({ record }) => record.eventName,
};
const OWN_FIELDS: ReadonlySet<string> = new Set(Object.values(AlertAttribute));

/** A log record that is an alert. */
export class AlertRecord {
  readonly record: LogRecord;
  readonly #resource: Readonly<Record<string, unknown>>;
  readonly #attributes: Readonly<Record<string, unknown>>;

  private constructor(record: LogRecord, resource: Readonly<Record<string, unknown>>) {
    this.record = record;
    this.#resource = resource;
    this.#attributes = plainObject(record.attributes);
  }

  /** Of a batch of one record; undefined where that is no alert. */
  static of(batch: Telemetry): AlertRecord | undefined {
    for (const { resource, scopeLogs } of decodeTree('logs', batch).resourceLogs) {
      for (const { logRecords } of scopeLogs) {
        for (const record of logRecords) {
          const alert = new AlertRecord(record, plainObject(resource?.attributes ?? []));
          return alert.text(AlertAttribute.TYPE) === '' ? undefined : alert;
        }
      }
    }
    return undefined;
  }

  /** RFC 3339; empty where the record has no time. */
  get time(): string {
    const { timeUnixNano, observedTimeUnixNano } = this.record;
    const millis = Number((timeUnixNano || observedTimeUnixNano) / NANOS_PER_MS);
    return millis > 0 ? new Date(millis).toISOString() : '';
  }

  /** A field by its name in a template; undefined where it is not there. */
  value(name: string): unknown {
    const builtIn = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
    if (builtIn !== undefined) return builtIn(this);
    if (name.startsWith('resource.')) return this.#resource[name.slice('resource.'.length)];
    if (name.startsWith('attributes.')) return this.#attributes[name.slice('attributes.'.length)];
    return this.#attributes[name] ?? this.#resource[name];
  }

  /** The same as text: JSON for lists and maps, empty where it is not there. */
  text(name: string): string {
    const value = this.value(name) ?? '';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  /** What is posted where no other body is configured. */
  document(): Record<string, unknown> {
    const { record } = this;
    const evidence = this.value(AlertAttribute.EVIDENCE);
    const others = Object.entries(this.#attributes).filter(([key]) => !OWN_FIELDS.has(key));
    return {
      type: this.text(AlertAttribute.TYPE),
      severity: this.text(AlertAttribute.SEVERITY),
      service: this.text('service.name'),
      key: this.text(AlertAttribute.KEY),
      message: valueText(record.body),
      time: this.time,
      first_time: this.text(AlertAttribute.FIRST_TIME),
      last_time: this.text(AlertAttribute.LAST_TIME),
      count: Number(this.value(AlertAttribute.COUNT) ?? 1),
      evidence: Array.isArray(evidence) ? evidence : [],
      trace_id: idText(record.traceId),
      attributes: Object.fromEntries(others),
      resource: this.#resource,
    };
  }
}

/** How a value becomes part of what is around it. */
export type Escape = (text: string) => string;

/** Text with `{{FIELD}}` for the text of a field and `{{json FIELD}}` for it as JSON. */
export class Template {
  readonly #parts: readonly ((alert: AlertRecord) => string)[];

  constructor(text: string, escaped: Escape) {
    const parts = text.split(PLACEHOLDER);
    this.#parts = parts.map((part, i) => {
      if (i % 2 === 0) return () => part;
      const json = JSON_WORD.exec(part)?.[1];
      if (json !== undefined) return (alert) => JSON.stringify(alert.value(json) ?? null);
      return (alert) => escaped(alert.text(part));
    });
  }

  render(alert: AlertRecord): string {
    return this.#parts.map((part) => part(alert)).join('');
  }
}

/** What is wrong with a template; undefined for nothing. */
export function templateFault(text: string): string | undefined {
  const [...parts] = text.split(PLACEHOLDER);
  if (parts.some((part, i) => i % 2 === 0 && part.includes('{{'))) return 'has {{ without }}';
  return parts.some((part, i) => i % 2 === 1 && part === '') ? 'has {{}} without a field' : undefined;
}

export const hasPlaceholder = (text: string): boolean => text.includes('{{');

export const asIs: Escape = (text) => text;
/** Inside the quotes of a JSON string. */
export const inJson: Escape = (text) => JSON.stringify(text).slice(1, -1);
/** A value stays within its segment of a path or its parameter; dots alone would name another segment. */
export const inUrl: Escape = (text) =>
  encodeURIComponent(text.toWellFormed()).replace(/^\.+$/, (dots) => '_'.repeat(dots.length));
/** No value ends the header. */
export const inHeader: Escape = (text) => text.replace(/[^\x20-\x7e]/g, '?');
