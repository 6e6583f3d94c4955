import { Groups } from '../../otlp/readers/groups.ts';
import { SpanEventReader } from '../../otlp/readers/parts.ts';
import { SpanReader } from '../../otlp/readers/span.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { NativeBlock } from '../native/block.ts';
import { NumberColumn } from '../native/columns.ts';
import { ArrayColumn, appendAttributes, appendPairs, MapColumn, TupleColumn } from '../native/nested.ts';
import { PLATFORM_TABLES } from '../schema/platform.ts';
import { constant } from './attributes.ts';
import { Origin } from './origin.ts';
import type { Rows } from './rows.ts';

/** What a span has beside its attributes becomes tags, under the names that the translation to Jaeger gives them. */
const KIND = Buffer.from('span.kind');
const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'].map((name) => Buffer.from(name));
const MESSAGE = Buffer.from('otel.status_description');
const TRACE_STATE = Buffer.from('w3c.tracestate');
const SCOPE_NAME = Buffer.from('otel.scope.name');
const SCOPE_VERSION = Buffer.from('otel.scope.version');
const EVENT = Buffer.from('event');

/** Spans as rows of the platform. */
export function platformTraces(): Rows {
  const block = new NativeBlock(PLATFORM_TABLES.traces.table);
  const groups = new Groups();
  const origin = new Origin(groups);
  const span = new SpanReader();
  const appendSpan = spanColumns(block, span, origin);
  const service = block.string('service_name');
  const process = block.map('process');

  function append(batch: Telemetry): void {
    groups.open(batch);
    while (groups.nextResource()) {
      while (groups.nextScope()) {
        origin.readScope();
        let rows = 0;
        for (; groups.nextMember(); rows++) {
          span.read(groups.buffer, groups.memberStart, groups.memberEnd);
          appendSpan();
        }
        if (rows === 0) continue;
        constant(service, rows, (column) => origin.appendServiceName(column));
        constant(process, rows, (column) => appendAttributes(column, origin.resource));
        block.rows += rows;
      }
    }
  }
  return { append, blocks: [{ table: 'traces', block }] };
}

function spanColumns(block: NativeBlock, span: SpanReader, origin: Origin): () => void {
  const traceId = block.string('trace_id');
  const spanId = block.string('span_id');
  const parentId = block.string('parent_span_id');
  const name = block.string('operation_name');
  const start = block.number('start_time');
  const end = block.number('end_time');
  const duration = block.number('duration_ns');
  const status = block.number('status_code');
  const tags = block.map('tags');
  const appendLogs = logColumns(block, span);
  return () => {
    const { buffer } = span;
    traceId.id(buffer, span.traceIdAt, 16);
    spanId.id(buffer, span.spanIdAt, 8);
    parentId.id(buffer, span.parentSpanIdAt, 8);
    name.range(buffer, span.nameStart, span.nameEnd);
    start.bits64(buffer, span.startTimeAt);
    end.bits64(buffer, span.endTimeAt);
    // the column has no sign: a span that ends before it starts has no duration
    if (span.durationNanos < 0) duration.bits64(buffer, -1);
    else duration.difference64(buffer, span.endTimeAt, span.startTimeAt);
    status.byte(span.statusCode);
    tags.end(appendPairs(tags, span.attributes) + appendKind(tags, span) + appendTexts(tags, span, origin));
    appendLogs();
  };
}

function appendKind({ keys, values }: MapColumn, { kind }: SpanReader): number {
  const name = KINDS[kind];
  if (name === undefined || name.length === 0) return 0;
  keys.bytes(KIND);
  values.bytes(name);
  return 1;
}

function appendTexts(tags: MapColumn, span: SpanReader, { scope }: Origin): number {
  return (
    appendText(tags, MESSAGE, span.buffer, span.statusMessageStart, span.statusMessageEnd) +
    appendText(tags, TRACE_STATE, span.buffer, span.traceStateStart, span.traceStateEnd) +
    appendText(tags, SCOPE_NAME, scope.buffer, scope.nameStart, scope.nameEnd) +
    appendText(tags, SCOPE_VERSION, scope.buffer, scope.versionStart, scope.versionEnd)
  );
}

function appendText({ keys, values }: MapColumn, key: Buffer, from: Buffer, start: number, end: number): number {
  if (start === end) return 0;
  keys.bytes(key);
  values.range(from, start, end);
  return 1;
}

/** Events: their attributes, and their name as `event`. */
function logColumns(block: NativeBlock, span: SpanReader): () => void {
  const event = new SpanEventReader();
  const logs = block.any('logs', ArrayColumn);
  const element: unknown = logs.element;
  const [times, fields] = element instanceof TupleColumn ? element.parts : [];
  if (!(times instanceof NumberColumn && fields instanceof MapColumn)) throw new Error('column logs has other parts');
  return () => {
    const { events } = span;
    let count = 0;
    for (; events.next(); count++) {
      event.read(events.buffer, events.messageStart, events.messageEnd);
      times.bits64(event.buffer, event.timeAt);
      const named = appendText(fields, EVENT, event.buffer, event.nameStart, event.nameEnd);
      fields.end(named + appendPairs(fields, event.attributes));
    }
    logs.end(count);
  };
}
