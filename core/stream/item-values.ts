import { copyBytes } from '../otlp/edit/writer.ts';
import type { Attributes } from '../otlp/readers/attributes.ts';
import type { LogRecordReader } from '../otlp/readers/log-record.ts';
import { type SpanReader, SpanStatus } from '../otlp/readers/span.ts';
import { ValueReader, ValueType, valueText } from '../otlp/value.ts';
import { AttributeLookup } from '../series/attribute-lookup.ts';
import type { KeyWriter } from '../series/key-writer.ts';
import { type Field, parseField } from './fields.ts';

export type ItemSignal = 'logs' | 'traces';
/** A value that conditions can compare. Integers are numbers, of which those above 2^53 are not exact. */
export type Scalar = string | number | boolean;

const EVENT_NAME = Buffer.from('event.name');
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const NANOS_PER_MILLI = 1e6;
const TRACE_ID_BYTES = 16;
const NOTHING = Buffer.alloc(0);

type BuiltIn<R> = (item: R) => Scalar | undefined;

/** What items have beside attributes and the event's name; texts that are empty are not there. */
const OF_RECORD: Readonly<Record<string, BuiltIn<LogRecordReader>>> = {
  severity_text: (record) => record.severityText || undefined,
  severity_number: (record) => record.severityNumber || undefined,
  trace_id: (record) => record.traceId || undefined,
  span_id: (record) => record.spanId || undefined,
};
const OF_SPAN: Readonly<Record<string, BuiltIn<SpanReader>>> = {
  'span.kind': (span) => KINDS[span.kind],
  'span.duration_ms': (span) => span.durationNanos / NANOS_PER_MILLI,
  'status.code': (span) => (span.statusCode === SpanStatus.ERROR ? 'error' : span.statusCode === 1 ? 'ok' : 'unset'),
  'status.message': (span) => span.buffer.toString('utf8', span.statusMessageStart, span.statusMessageEnd) || undefined,
  trace_id: (span) => span.traceId || undefined,
  span_id: (span) => span.spanId || undefined,
};

/** How the bytes of a field are to be read. */
type Form = 'value' | 'text';

/**
 * Some fields of log records or spans, each named by its place in `names`. `resource` for each resource, `item` for
 * each item; then any of the others for that item. Names are those of `parseField`, and for spans `span.kind`
 * (`server` …), `span.duration_ms`, `status.code` (`ok`, `error`, `unset`) and `status.message`; for log records
 * `severity_number`; for both `span_id`.
 */
export class ItemValues {
  readonly #signal: ItemSignal;
  readonly #fields: readonly Field[];
  readonly #builtIn: readonly (BuiltIn<never> | undefined)[];
  readonly #isName: readonly boolean[];
  readonly #isBody: readonly boolean[];
  readonly #isTraceId: readonly boolean[];
  readonly #places: readonly number[];
  readonly #resource: AttributeLookup;
  readonly #attributes: AttributeLookup;
  readonly #value = new ValueReader();
  #item: LogRecordReader | SpanReader | undefined;
  /** Where the field that was looked for last lies. */
  #buffer: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  #form: Form = 'value';

  constructor(names: readonly string[], signal: ItemSignal) {
    this.#signal = signal;
    this.#fields = names.map((name) => parseField(name, signal));
    this.#builtIn = names.map((name) => (signal === 'logs' ? OF_RECORD[name] : OF_SPAN[name]));
    this.#isName = names.map((name) => name === (signal === 'logs' ? 'event.name' : 'span.name'));
    this.#isBody = names.map((name) => signal === 'logs' && name === 'body');
    this.#isTraceId = names.map((name) => name === 'trace_id');
    const keys = [...new Set(this.#fields.flatMap(({ key }) => (key === '' ? [] : [key])))];
    this.#places = this.#fields.map(({ key }) => keys.indexOf(key));
    this.#resource = new AttributeLookup(keys.map((key) => Buffer.from(key)));
    this.#attributes = new AttributeLookup(keys.map((key) => Buffer.from(key)));
  }

  resource(attributes: Attributes): void {
    this.#resource.scan(attributes);
  }

  item(item: LogRecordReader | SpanReader): void {
    this.#item = item;
    this.#attributes.scan(item.attributes);
  }

  /** Writes the bytes of a field, which tell values apart; false where it is not there or is built in. */
  writeBytes(field: number, to: KeyWriter): boolean {
    if (!this.#find(field)) return false;
    to.copy(this.#buffer, this.#start, this.#end);
    return true;
  }

  /** Writes what `text` gives, as UTF-8. */
  writeText(field: number, to: KeyWriter): void {
    if (this.#isTraceId[field] === true) {
      const { buffer, traceIdAt } = this.#item as LogRecordReader | SpanReader;
      if (traceIdAt >= 0) to.hex(buffer, traceIdAt, traceIdAt + TRACE_ID_BYTES);
    } else if (this.#builtIn[field] !== undefined) to.text(this.text(field));
    else if (this.#find(field)) {
      if (this.#form === 'text') to.copy(this.#buffer, this.#start, this.#end);
      else to.valueText(this.#buffer, this.#start, this.#end);
    }
  }

  /** Undefined where it is not there, or is neither text, number nor truth value. */
  scalar(field: number): Scalar | undefined {
    const builtIn = this.#builtIn[field] as BuiltIn<LogRecordReader | SpanReader> | undefined;
    if (builtIn !== undefined) return builtIn(this.#item as LogRecordReader | SpanReader);
    if (!this.#find(field)) return undefined;
    if (this.#form === 'text') return this.#buffer.toString('utf8', this.#start, this.#end);
    const value = this.#value.read(this.#buffer, this.#start, this.#end);
    if (value.type === ValueType.STRING) return value.string;
    if (value.type === ValueType.INT) return Number(value.int);
    if (value.type === ValueType.DOUBLE) return value.double;
    return value.type === ValueType.BOOL ? value.bool : undefined;
  }

  /** As text, '' where it is not there. */
  text(field: number): string {
    if (this.#builtIn[field] !== undefined) return String(this.scalar(field) ?? '');
    if (!this.#find(field)) return '';
    if (this.#form === 'text') return this.#buffer.toString('utf8', this.#start, this.#end);
    return valueText(this.#buffer, this.#start, this.#end);
  }

  /** Writes the text as UTF-8, as far as there is room; returns the position after it. */
  copyText(field: number, target: Buffer, at: number): number {
    if (this.#find(field)) {
      if (this.#form === 'text') return this.#copy(this.#start, this.#end, target, at);
      const { type, start, end } = this.#value.read(this.#buffer, this.#start, this.#end);
      if (type === ValueType.STRING) return this.#copy(start, end, target, at);
    }
    return at + target.write(this.text(field), at);
  }

  #copy(start: number, end: number, target: Buffer, at: number): number {
    return copyBytes(this.#buffer, start, Math.min(end, start + target.length - at), target, at);
  }

  #find(field: number): boolean {
    if (this.#builtIn[field] !== undefined) return false;
    if (this.#isName[field] === true) return this.#findName();
    const { place } = this.#fields[field] as Field;
    if (this.#isBody[field] === true) {
      const { buffer, bodyStart, bodyEnd } = this.#item as LogRecordReader;
      return this.#at(buffer, bodyStart, bodyEnd, 'value');
    }
    const at = this.#places[field] as number;
    if (place !== 'resource' && this.#has(this.#attributes, at)) return true;
    return place !== 'attributes' && this.#has(this.#resource, at);
  }

  /** The event's name is a field of its own; older senders have it as an attribute. */
  #findName(): boolean {
    if (this.#signal === 'traces') {
      const { buffer, nameStart, nameEnd } = this.#item as SpanReader;
      return this.#at(buffer, nameStart, nameEnd, 'text');
    }
    const { buffer, eventNameStart, eventNameEnd } = this.#item as LogRecordReader;
    if (eventNameStart < eventNameEnd) return this.#at(buffer, eventNameStart, eventNameEnd, 'text');
    // it is looked for on its own, because without it the lookup walks every list to its end
    const { attributes } = this.#item as LogRecordReader;
    if (!attributes.find(EVENT_NAME)) return false;
    this.#at(attributes.buffer, attributes.valueStart, attributes.valueEnd, 'value');
    const { type, start, end } = this.#value.read(this.#buffer, this.#start, this.#end);
    return type === ValueType.STRING && this.#at(this.#buffer, start, end, 'text');
  }

  #has({ buffer, starts, ends }: AttributeLookup, at: number): boolean {
    const start = starts[at] as number;
    return start >= 0 && this.#at(buffer, start, ends[at] as number, 'value');
  }

  #at(buffer: Buffer, start: number, end: number, form: Form): boolean {
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
    this.#form = form;
    return true;
  }
}
