import { AttributeSet } from '../../core/line-protocol/attribute-set.ts';
import { Line } from '../../core/line-protocol/line.ts';
import type { LineWriter } from '../../core/line-protocol/line-writer.ts';
import { encodeText, stringValue, textOf } from '../../core/line-protocol/text.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DroppedTag, droppedCount } from '../../core/otlp/readers/dropped.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanEventReader, SpanLinkReader } from '../../core/otlp/readers/parts.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { isNoId } from '../../core/otlp/wire.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import type { Lines } from './exporter.ts';

const KINDS = [undefined, 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUSES = [undefined, 'Ok', 'Error'];
const NO_DIMENSIONS: ReadonlySet<string> = new Set();

/** Spans as lines of `spans`, their events as lines of `logs`, their links as lines of `span-links`. */
export class TraceLines implements Lines {
  readonly #writer: LineWriter;
  readonly #line: Line;
  readonly #groups = new Groups();
  readonly #resource = new Attributes();
  readonly #scope = new ScopeReader();
  readonly #span = new SpanReader();
  readonly #event = new SpanEventReader();
  readonly #link = new SpanLinkReader();
  readonly #shared: AttributeSet;
  readonly #attributes: AttributeSet;
  readonly #partAttributes = new AttributeSet(NO_DIMENSIONS, { emptyKey: true, repeatedInJson: false });
  #dropped = 0;

  constructor(config: Config, writer: LineWriter) {
    this.#writer = writer;
    this.#line = new Line(config.precision);
    const dimensions = new Set(config.span_dimensions.map(encodeText));
    this.#shared = new AttributeSet(dimensions, { emptyKey: true, repeatedInJson: true });
    this.#attributes = new AttributeSet(dimensions, { emptyKey: true, repeatedInJson: true });
  }

  write(batch: Telemetry, skip: (reason: string) => void): void {
    const at = this.#groups.open(batch);
    while (at.nextResource()) {
      this.#resource.set(at.buffer, at.resourceStart, at.resourceEnd, RESOURCE_ATTRIBUTES);
      while (at.nextScope()) {
        const scope = this.#scope.read(at.buffer, at.scopeStart, at.scopeEnd);
        this.#shared.reset().add(this.#resource).add(scope.attributes);
        while (at.nextMember()) {
          const span = this.#span.read(at.buffer, at.memberStart, at.memberEnd);
          if (isNoId(span.buffer, span.traceIdAt, 16)) skip('span has no trace ID');
          else if (isNoId(span.buffer, span.spanIdAt, 8)) skip('span has no span ID');
          else this.#writeSpan(span);
        }
      }
    }
  }

  #writeSpan(span: SpanReader): void {
    const { buffer, start, end } = span;
    const ids = [span.traceId, span.spanId] as const;
    const droppedLinks = this.#writeLinks(span, ids);
    this.#writeEvents(span, ids);
    const attributes = this.#attributes.reset(this.#shared).add(span.attributes);
    const line = this.#line.begin(attributes.tags);
    this.#dropped = droppedCount(buffer, start, end, DroppedTag.SPAN_ATTRIBUTES) + attributes.lost;
    line.tag('trace_id', ids[0]);
    line.tag('span_id', ids[1]);
    const json = attributes.json();
    if (json !== '') this.#field('attributes', stringValue(json));
    this.#text('trace_state', textOf(buffer, span.traceStateStart, span.traceStateEnd));
    if (!span.isRoot) this.#text('parent_span_id', span.parentSpanId);
    this.#text('span.name', textOf(buffer, span.nameStart, span.nameEnd));
    this.#text('span.kind', KINDS[span.kind] ?? '');
    const [started, ended] = [BigInt.asIntN(64, span.startTimeUnixNano), BigInt.asIntN(64, span.endTimeUnixNano)];
    this.#field('end_time_unix_nano', `${ended}i`);
    this.#field('duration_nano', `${saturated(ended - started)}i`);
    const droppedEvents = droppedCount(buffer, start, end, DroppedTag.SPAN_EVENTS);
    if (droppedEvents > 0) this.#field('dropped_events_count', `${droppedEvents}u`);
    if (droppedLinks > 0) this.#field('dropped_links_count', `${droppedLinks}u`);
    this.#text('otel.status_code', STATUSES[span.statusCode] ?? '');
    this.#text('otel.status_description', textOf(buffer, span.statusMessageStart, span.statusMessageEnd));
    if (this.#dropped > 0) line.field('dropped_attributes_count', `${this.#dropped}u`);
    this.#end('spans', started);
  }

  #writeEvents(span: SpanReader, ids: readonly [string, string]): void {
    const { events } = span;
    const event = this.#event;
    while (events.next()) {
      event.read(events.buffer, events.messageStart, events.messageEnd);
      const line = this.#beginPart(ids);
      const name = textOf(event.buffer, event.nameStart, event.nameEnd);
      if (name !== '') line.field('event.name', stringValue(name));
      this.#partFields(event, DroppedTag.EVENT_ATTRIBUTES);
      this.#end('logs', event.timeUnixNano);
    }
  }

  /** Returns how many links are not there: left out by the client, or pointing nowhere. */
  #writeLinks(span: SpanReader, ids: readonly [string, string]): number {
    const { links } = span;
    const link = this.#link;
    let dropped = droppedCount(span.buffer, span.start, span.end, DroppedTag.SPAN_LINKS);
    while (links.next()) {
      link.read(links.buffer, links.messageStart, links.messageEnd);
      if (isNoId(link.buffer, link.traceIdAt, 16) || isNoId(link.buffer, link.spanIdAt, 8)) {
        dropped++;
        continue;
      }
      const line = this.#beginPart(ids);
      line.tag('linked_trace_id', link.traceId);
      line.tag('linked_span_id', link.spanId);
      const state = textOf(link.buffer, link.traceStateStart, link.traceStateEnd);
      if (state !== '') line.field('trace_state', stringValue(state));
      this.#partFields(link, DroppedTag.LINK_ATTRIBUTES);
      this.#end('span-links', span.startTimeUnixNano);
    }
    return dropped;
  }

  #beginPart([traceId, spanId]: readonly [string, string]): Line {
    const line = this.#line.begin();
    line.tag('trace_id', traceId);
    line.tag('span_id', spanId);
    return line;
  }

  /** A line has at least one field, so where there is nothing else the count of what was dropped is written. */
  #partFields(part: SpanEventReader | SpanLinkReader, droppedTag: number): void {
    const attributes = this.#partAttributes.reset().add(part.attributes);
    const json = attributes.json();
    if (json !== '') this.#line.field('attributes', stringValue(json));
    const counted = part.attributes.count() > 0;
    const dropped = counted ? droppedCount(part.buffer, part.start, part.end, droppedTag) + attributes.lost : 0;
    if (dropped > 0 || !this.#line.hasFields) this.#line.field('dropped_attributes_count', `${dropped}u`);
  }

  #text(key: string, text: string): void {
    if (text !== '') this.#field(key, stringValue(text));
  }

  /** A field that has the key of a tag cannot be told from it. */
  #field(key: string, value: string): void {
    if (this.#line.tags.has(key)) this.#dropped++;
    else this.#line.field(key, value);
  }

  #end(measurement: string, unixNanos: bigint): void {
    const line = this.#line.end(measurement, unixNanos);
    if (line !== undefined) this.#writer.write(line);
  }
}

const MAX_INT64 = 2n ** 63n - 1n;

function saturated(nanos: bigint): bigint {
  if (nanos > MAX_INT64) return MAX_INT64;
  return nanos < -MAX_INT64 - 1n ? -MAX_INT64 - 1n : nanos;
}
