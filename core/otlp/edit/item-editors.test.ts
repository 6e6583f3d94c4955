import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { MetricType } from '../readers/metric.ts';
import { SpanKind, SpanStatus } from '../readers/span.ts';
import { decodeTree, type LogRecord, type Span } from '../tree.ts';
import { encodeDouble, encodeInt, encodeString, encodeValue } from '../value-encode.ts';
import type { LogRecordEditor, SpanEditor } from './item-editors.ts';
import { Rewriter } from './rewriter.ts';

const NOTHING = Buffer.alloc(0);
const text = (value: string) => Buffer.from(value);
/** Fields in an order that no library writes, one of them twice, and one that nobody knows. */
const STRANGE_SPAN = Buffer.concat([
  Buffer.from([0x7a, 4, 0x12, 2, 0x6f, 0x6b]), // status {message "ok"}
  Buffer.from([0x2a, 1, 0x61, 0x30, 3, 0x2a, 1, 0x62]), // name "a", kind, name "b"
  Buffer.from([0xf8, 0x3f, 1]),
]);

function editSpan(content: Buffer, edit: (span: SpanEditor) => void): { span: Span; bytes: Buffer } {
  const inScope = Buffer.from([0x12, content.length]);
  const inGroup = Buffer.from([0x12, content.length + 2]);
  const request = Buffer.concat([Buffer.from([0x0a, content.length + 4]), inGroup, inScope, content]);
  const visitor = {
    span(span: SpanEditor) {
      edit(span);
      return true;
    },
  };
  const rewritten = new Rewriter(visitor).rewrite(Telemetry.of('traces', request, 1));
  const [span] = decodeTree('traces', rewritten).resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  assert.ok(span);
  return { span, bytes: Buffer.from(rewritten.bytes()) };
}

test('fields of a span are set, replaced wherever they are, and removed', () => {
  const { span, bytes } = editSpan(STRANGE_SPAN, (editor) => {
    editor.setName(text('first'));
    editor.setName(text('a name of some length '.repeat(10)));
    editor.setKind(SpanKind.SERVER);
    editor.setTraceState(text('a=1'));
    editor.setTraceState(text('b=2'));
    editor.setStatus(SpanStatus.ERROR, text('it broke'));
  });
  assert.equal(span.name, 'a name of some length '.repeat(10));
  assert.equal(span.kind, SpanKind.SERVER);
  assert.equal(span.traceState, 'b=2');
  assert.deepEqual(span.status, { message: 'it broke', code: SpanStatus.ERROR });
  assert.ok(bytes.includes(Buffer.from([0xf8, 0x3f, 1])));
  assert.ok(!bytes.includes('first') && !bytes.includes('a=1'));

  const emptied = editSpan(STRANGE_SPAN, (editor) => {
    editor.setName(NOTHING);
    editor.setKind(SpanKind.UNSPECIFIED);
    editor.setStatus(SpanStatus.UNSET, NOTHING);
  });
  assert.deepEqual([emptied.span.name, emptied.span.kind, emptied.span.status], ['', 0, undefined]);
});

test('attributes are added to what has none, and several edits of one add up', () => {
  const { span } = editSpan(STRANGE_SPAN, ({ attributes }) => {
    attributes.insert(text('a'), encodeInt(-1n));
    attributes.update(text('a'), encodeDouble(2));
    attributes.insert(text('a'), encodeString('not this'));
    attributes.insert(text('gone'), encodeString('x'));
    attributes.delete(text('gone'));
    attributes.upsert(text('list'), encodeValue(['x', 1]));
    const index = attributes.find(text('list'));
    const [start, end] = [attributes.valueStart(index), attributes.valueEnd(index)];
    attributes.add(text('copy'), attributes.bufferOf(index), start, end);
    assert.equal(attributes.key(index), 'list');
    assert.equal(attributes.find(text('gone')), -1);
  });
  assert.deepEqual(
    span.attributes.map((a) => [a.key, a.value?.doubleValue, a.value?.arrayValue?.values.length]),
    [
      ['a', 2, undefined],
      ['list', undefined, 2],
      ['copy', undefined, 2],
    ],
  );
});

test('body and severity of a log record', () => {
  const record = Buffer.from([0x0a, 6, 0x12, 4, 0x12, 2, 0x10, 9]);
  const visitor = {
    log(editor: LogRecordEditor) {
      editor.setBody(encodeString('changed'));
      editor.setSeverity(17, text('ERROR'));
      editor.setFixed64((1 << 3) | 1, 5n);
      return true;
    },
  };
  const rewritten = new Rewriter(visitor).rewrite(Telemetry.of('logs', record, 1));
  const edited = decodeTree('logs', rewritten).resourceLogs[0]?.scopeLogs[0]?.logRecords[0] as LogRecord;
  assert.equal(edited.body?.stringValue, 'changed');
  assert.deepEqual([edited.severityNumber, edited.severityText, edited.timeUnixNano], [17, 'ERROR', 5n]);
});

test('a metric is renamed and keeps its points; a batch whose items are all dropped has none', () => {
  // Metric {name "m", gauge {data_points {flags 1}}}
  const request = Buffer.from([0x0a, 13, 0x12, 11, 0x12, 9, 0x0a, 1, 0x6d, 0x2a, 4, 0x0a, 2, 0x40, 1]);
  const batch = Telemetry.of('metrics', request, 1);
  const renamed = new Rewriter({
    metric(editor, reader) {
      assert.equal(reader.type, MetricType.GAUGE);
      editor.setBytes((1 << 3) | 2, text('renamed'));
      return true;
    },
  }).rewrite(batch);
  const [found] = decodeTree('metrics', renamed).resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
  assert.deepEqual([found?.name, found?.gauge?.dataPoints[0]?.flags], ['renamed', 1]);
  const none = new Rewriter({ point: () => false }).rewrite(renamed);
  assert.deepEqual([none.items, none.byteLength], [0, 0]);
});
