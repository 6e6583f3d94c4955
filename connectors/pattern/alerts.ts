import { copyBytes } from '../../core/otlp/edit/writer.ts';
import type { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import type { SpanReader } from '../../core/otlp/readers/span.ts';
import { idText } from '../../core/otlp/value-text.ts';
import { type Alert, MOST_EVIDENCE } from '../../core/stream/alert.ts';
import type { ItemValues } from '../../core/stream/item-values.ts';
import type { Link, TakenEvent } from '../../core/stream/pattern/runs.ts';
import type { AlertConfig } from './config.ts';

const TRACE_ID = 16;
const SPAN_ID = 8;
const IDS = TRACE_ID + SPAN_ID;
const SERVICE = 'service.name';
/** Between kept texts. */
const SEPARATOR = 0;
const SPACE = 32;

/**
 * So much is kept of an event's fields: enough for names and sentences, and not for bodies of megabytes, as millions
 * of events may be kept. What is beyond is cut off.
 */
const MOST_KEPT = 1 << 12;

/** What is kept of the event that `keepEvent` was called with last. */
export const kept = Buffer.alloc(IDS + MOST_KEPT);

/** Writes to `kept` what is kept of an event: its ids, then the fields in their order, in UTF-8. Returns the length. */
export function keepEvent(item: LogRecordReader | SpanReader, values: ItemValues, fields: readonly number[]): number {
  const { buffer, traceIdAt, spanIdAt } = item;
  if (traceIdAt < 0) kept.fill(0, 0, TRACE_ID);
  else copyBytes(buffer, traceIdAt, traceIdAt + TRACE_ID, kept, 0);
  if (spanIdAt < 0) kept.fill(0, TRACE_ID, IDS);
  else copyBytes(buffer, spanIdAt, spanIdAt + SPAN_ID, kept, TRACE_ID);
  let at = IDS;
  for (let i = 0; i < fields.length; i++) {
    if (i > 0 && at < kept.length) kept[at++] = SEPARATOR;
    const start = at;
    at = values.copyText(fields[i] as number, kept, at);
    for (let k = start; k < at; k++) if (kept[k] === SEPARATOR) kept[k] = SPACE;
  }
  return at;
}

/** An event of a match. */
interface Evidence {
  readonly time: number;
  readonly step: number;
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly texts: readonly string[];
}

interface Match {
  readonly key: string;
  readonly events: readonly Evidence[];
}

type Placeholder = (match: Match) => string;

/** Makes alerts of matches. */
export class AlertTemplate {
  /** The fields that have to be kept of events. */
  readonly fields: readonly string[];
  readonly #pattern: string;
  readonly #config: AlertConfig;
  readonly #steps: readonly string[];
  readonly #eventId: string;
  readonly #message: Placeholder;
  readonly #attributes: readonly (readonly [string, Placeholder])[];
  #kept: readonly string[] = [];

  /** @throws Error for a placeholder that means nothing */
  constructor(pattern: string, config: AlertConfig, steps: readonly string[], eventId: string) {
    this.#pattern = pattern;
    this.#config = config;
    this.#steps = steps;
    this.#eventId = eventId;
    const fields = new Set([eventId, SERVICE]);
    const parse = (template: string) => this.#parse(template, fields);
    this.#message = parse(config.message);
    this.#attributes = Object.entries(config.attributes).map(([name, template]) => [name, parse(template)]);
    this.fields = [...fields];
  }

  /** The fields that `keepEvent` keeps. */
  keep(fields: readonly string[]): void {
    this.#kept = fields;
  }

  /** `time`: of the alert, in milliseconds; Infinity where only the end of the input decided that it matches. */
  alert(key: string, tail: Link, time: number, within: number, timedOut: boolean): Alert {
    const match: Match = { key, events: eventsOf(tail) };
    const { events } = match;
    const [first] = events as [Evidence, ...Evidence[]];
    const atEnd = time === Number.POSITIVE_INFINITY;
    const attributes = Object.fromEntries(this.#attributes.map(([name, value]) => [name, value(match)]));
    const trace = events.every(({ traceId }) => traceId.equals(first.traceId)) ? first.traceId : undefined;
    return {
      type: this.#config.type === '' ? this.#pattern.toUpperCase() : this.#config.type,
      severity: this.#config.severity,
      service: events.map((event) => this.#text(event, SERVICE)).find((name) => name !== '') ?? '',
      key,
      time: atEnd ? Math.max(first.time + within, tail.event.time) : time,
      firstTime: first.time,
      lastTime: tail.event.time,
      count: events.length,
      evidence: events.slice(0, MOST_EVIDENCE).map((event) => this.#idOf(event)),
      message: this.#message(match),
      attributes: {
        'alert.pattern': this.#pattern,
        'alert.steps': this.#byStep(events),
        ...(timedOut ? { 'alert.timeout': true } : {}),
        ...(atEnd ? { 'alert.end_of_input': true } : {}),
        ...attributes,
      },
      traceId: trace === undefined || idText(trace) === '' ? undefined : trace,
    };
  }

  /** Ids by step, each not more than evidence may be. */
  #byStep(events: readonly Evidence[]): Record<string, string[]> {
    const steps: Record<string, string[]> = {};
    for (const event of events) {
      const name = this.#steps[event.step] as string;
      steps[name] ??= [];
      if (steps[name].length < MOST_EVIDENCE) steps[name].push(this.#idOf(event));
    }
    return steps;
  }

  #idOf(event: Evidence): string {
    return this.#text(event, this.#eventId) || idText(event.spanId) || idText(event.traceId);
  }

  #text(event: Evidence | undefined, field: string): string {
    return event?.texts[this.#kept.indexOf(field)] ?? '';
  }

  #parse(template: string, fields: Set<string>): Placeholder {
    const parts = template.split(/\{\{\s*(.*?)\s*\}\}/);
    const values = parts.map((part, i): Placeholder => (i % 2 === 0 ? () => part : this.#placeholder(part, fields)));
    return (match) => values.map((value) => value(match)).join('');
  }

  #placeholder(name: string, fields: Set<string>): Placeholder {
    if (name === 'key') return ({ key }) => key;
    if (name === 'pattern') return () => this.#pattern;
    if (name === 'count') return ({ events }) => String(events.length);
    if (name === 'duration_ms') {
      return ({ events }) => String((events.at(-1) as Evidence).time - (events[0] as Evidence).time);
    }
    if (name.startsWith('steps.')) return this.#ofStep(name.slice('steps.'.length), fields, name);
    const ofAll = this.#ofEvents(name, ({ events }) => events, fields);
    if (ofAll === undefined)
      throw new Error(`{{${name}}} is no placeholder: key, count, steps.NAME.count, first.FIELD …`);
    return ofAll;
  }

  #ofStep(rest: string, fields: Set<string>, name: string): Placeholder {
    const step = this.#steps.findIndex((each) => rest.startsWith(`${each}.`));
    if (step < 0) throw new Error(`{{${name}}}: there is no such step`);
    const member = rest.slice((this.#steps[step] as string).length + 1);
    const eventsOfStep = ({ events }: Match) => events.filter((event) => event.step === step);
    if (member === 'count') return (match) => String(eventsOfStep(match).length);
    return (
      this.#ofEvents(member, eventsOfStep, fields) ?? this.#field(member, (match) => eventsOfStep(match)[0], fields)
    );
  }

  /** `first.FIELD` or `last.FIELD`. */
  #ofEvents(name: string, events: (match: Match) => readonly Evidence[], fields: Set<string>): Placeholder | undefined {
    if (name.startsWith('first.')) return this.#field(name.slice('first.'.length), (match) => events(match)[0], fields);
    if (name.startsWith('last.'))
      return this.#field(name.slice('last.'.length), (match) => events(match).at(-1), fields);
    return undefined;
  }

  #field(field: string, event: (match: Match) => Evidence | undefined, fields: Set<string>): Placeholder {
    fields.add(field);
    return (match) => this.#text(event(match), field);
  }
}

function eventsOf(tail: Link): Evidence[] {
  const events: Evidence[] = [];
  for (let link: Link | undefined = tail; link !== undefined; link = link.previous) {
    events.push(evidenceOf(link.event, link.step));
  }
  return events.reverse();
}

function evidenceOf({ time, data }: TakenEvent, step: number): Evidence {
  const bytes = Buffer.from(data, 'latin1');
  return {
    time,
    step,
    traceId: bytes.subarray(0, TRACE_ID),
    spanId: bytes.subarray(TRACE_ID, IDS),
    texts: bytes.toString('utf8', IDS).split(String.fromCharCode(SEPARATOR)),
  };
}
