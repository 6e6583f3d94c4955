import { Groups } from '../../otlp/readers/groups.ts';
import { SpanEventReader, SpanLinkReader } from '../../otlp/readers/parts.ts';
import { SpanReader } from '../../otlp/readers/span.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { NativeBlock } from '../native/block.ts';
import { tracesTable } from '../schema/otel.ts';
import { attributesColumn, constant, nestedAttributes } from './attributes.ts';
import { Origin } from './origin.ts';
import type { Rows } from './rows.ts';

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'].map((name) => Buffer.from(name));
const STATUSES = ['Unset', 'Ok', 'Error'].map((name) => Buffer.from(name));
const UNKNOWN = Buffer.alloc(0);

/** Spans as rows of `tracesTable`. */
export function otelTraces(json: boolean): Rows {
  const block = new NativeBlock(tracesTable(json));
  const groups = new Groups();
  const origin = new Origin(groups);
  const span = new SpanReader();
  const appendSpan = spanColumns(block, span, json);
  const service = block.string('ServiceName');
  const resource = attributesColumn(block, 'ResourceAttributes', json);
  const scopeName = block.string('ScopeName');
  const scopeVersion = block.string('ScopeVersion');

  function append(batch: Telemetry): void {
    groups.open(batch);
    while (groups.nextResource()) {
      while (groups.nextScope()) {
        let rows = 0;
        for (; groups.nextMember(); rows++) {
          span.read(groups.buffer, groups.memberStart, groups.memberEnd);
          appendSpan();
        }
        if (rows === 0) continue;
        origin.readScope();
        constant(service, rows, (column) => origin.appendServiceName(column));
        constant(resource, rows, (column) => column.append(origin.resource));
        constant(scopeName, rows, (column) => origin.appendScopeName(column));
        constant(scopeVersion, rows, (column) => origin.appendScopeVersion(column));
        block.rows += rows;
      }
    }
  }
  return { append, blocks: [{ table: 'traces', block }] };
}

/** What differs from span to span. */
function spanColumns(block: NativeBlock, span: SpanReader, json: boolean): () => void {
  const time = block.number('Timestamp');
  const traceId = block.string('TraceId');
  const spanId = block.string('SpanId');
  const parentId = block.string('ParentSpanId');
  const traceState = block.string('TraceState');
  const name = block.string('SpanName');
  const kind = block.string('SpanKind');
  const attributes = attributesColumn(block, 'SpanAttributes', json);
  const duration = block.number('Duration');
  const status = block.string('StatusCode');
  const message = block.string('StatusMessage');
  const appendEvents = eventColumns(block, span);
  const appendLinks = linkColumns(block, span);
  return () => {
    const { buffer } = span;
    time.bits64(buffer, span.startTimeAt);
    traceId.id(buffer, span.traceIdAt, 16);
    spanId.id(buffer, span.spanIdAt, 8);
    parentId.id(buffer, span.parentSpanIdAt, 8);
    traceState.range(buffer, span.traceStateStart, span.traceStateEnd);
    name.range(buffer, span.nameStart, span.nameEnd);
    kind.bytes(KINDS[span.kind] ?? UNKNOWN);
    attributes.append(span.attributes);
    duration.difference64(buffer, span.endTimeAt, span.startTimeAt);
    status.bytes(STATUSES[span.statusCode] ?? UNKNOWN);
    message.range(buffer, span.statusMessageStart, span.statusMessageEnd);
    appendEvents();
    appendLinks();
  };
}

function eventColumns(block: NativeBlock, span: SpanReader): () => void {
  const event = new SpanEventReader();
  const times = block.numbers('Events.Timestamp');
  const names = block.strings('Events.Name');
  const attributes = nestedAttributes(block, 'Events.Attributes');
  return () => {
    const { events } = span;
    let count = 0;
    for (; events.next(); count++) {
      event.read(events.buffer, events.messageStart, events.messageEnd);
      times.element.bits64(event.buffer, event.timeAt);
      names.element.range(event.buffer, event.nameStart, event.nameEnd);
      attributes.append(event.attributes);
    }
    times.end(count);
    names.end(count);
    attributes.end(count);
  };
}

function linkColumns(block: NativeBlock, span: SpanReader): () => void {
  const link = new SpanLinkReader();
  const traceIds = block.strings('Links.TraceId');
  const spanIds = block.strings('Links.SpanId');
  const states = block.strings('Links.TraceState');
  const attributes = nestedAttributes(block, 'Links.Attributes');
  return () => {
    const { links } = span;
    let count = 0;
    for (; links.next(); count++) {
      link.read(links.buffer, links.messageStart, links.messageEnd);
      traceIds.element.id(link.buffer, link.traceIdAt, 16);
      spanIds.element.id(link.buffer, link.spanIdAt, 8);
      states.element.range(link.buffer, link.traceStateStart, link.traceStateEnd);
      attributes.append(link.attributes);
    }
    traceIds.end(count);
    spanIds.end(count);
    states.end(count);
    attributes.end(count);
  };
}
