import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { type AnyValue, decodeTree, type KeyValue } from '../../core/otlp/tree.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { GroupByAttrs } from './processor.ts';

function build(keys: string[]) {
  const settings = testSettings({ id: 'groupbyattrs' });
  const sink = new SinkConsumer();
  const processor = new GroupByAttrs(settings, { keys }, sink);
  const metric = (name: string) => settings.meter.value(`otelcol_processor_groupbyattrs_${name}`);
  return { settings, sink, processor, metric };
}

function batch(signal: Signal, request: object): Telemetry {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(request)));
  return Telemetry.of(signal, bytes, items);
}

/** `a=1 b=x` as OTLP/JSON. */
const attributes = (text: string) =>
  text
    .split(' ')
    .filter((entry) => entry !== '')
    .map((entry) => entry.split('='))
    .map(([key, stringValue]) => ({ key, value: { stringValue } }));
const shown = (list: KeyValue[] | undefined) =>
  (list ?? []).map(({ key, value }) => `${key}=${(value as AnyValue).stringValue}`).join(' ');

const span = (name: string, has = '') => ({ name, attributes: attributes(has) });
const resource = (has: string, ...scopes: [string, object[]][]) => ({
  resource: { attributes: attributes(has), droppedAttributesCount: 2 },
  schemaUrl: 'http://schema',
  scopeSpans: scopes.map(([name, spans]) => ({ scope: { name, attributes: attributes('of=scope') }, spans })),
});

/** Per resource its attributes, then per scope its name and the spans with what they have left. */
function grouped(keys: string[], ...resourceSpans: object[]): string[] {
  const { processor, sink } = build(keys);
  processor.consume(batch('traces', { resourceSpans }));
  return sink.batches.flatMap((out) =>
    decodeTree('traces', out).resourceSpans.map((group) => {
      const scopes = group.scopeSpans.map(
        (scope) => `${scope.scope?.name}: ${scope.spans.map((s) => `${s.name}(${shown(s.attributes)})`).join(' ')}`,
      );
      return `[${shown(group.resource?.attributes)}] ${scopes.join('; ')}`;
    }),
  );
}

test('attributes are moved to the resource, in place of its own, and equal resources joined', () => {
  const first = resource('host=r x=1', ['s', [span('a', 'host=h y=2'), span('b'), span('c', 'host=h')]]);
  const second = resource('x=1 host=h', ['s', [span('d', 'y=3')]], ['t', [span('e', 'host=i tier=t')]]);
  assert.deepEqual(grouped(['host', 'tier'], first, second), [
    '[host=h x=1] s: a(y=2) c() d(y=3)',
    '[host=r x=1] s: b()',
    '[x=1 host=i tier=t] t: e()',
  ]);
});

test('without keys equal resources and scopes are joined', () => {
  const groups = [resource('x=1', ['s', [span('a')]]), resource('x=2', ['s', [span('b')]])];
  const again = resource('x=1', ['t', [span('c', 'host=h')]], ['s', [span('d')]], ['u', []]);
  const expected = ['[x=1] s: a() d(); t: c(host=h)', '[x=2] s: b()'];
  assert.deepEqual(grouped([], ...groups, again), expected);
  assert.deepEqual(grouped([''], ...groups, again), expected, 'an empty key is none');
});

test('scopes are told by name and version', () => {
  const { processor, sink } = build([]);
  const scope = (version: string) => ({ scope: { name: 's', version }, spans: [span(version)] });
  processor.consume(batch('traces', { resourceSpans: [{ scopeSpans: [scope('1'), scope('2'), scope('1')] }] }));
  const [group] = decodeTree('traces', sink.batches[0] as Telemetry).resourceSpans;
  assert.deepEqual(
    group?.scopeSpans.map((s) => [s.scope?.version, s.spans.length]),
    [
      ['1', 2],
      ['2', 1],
    ],
  );
});

test('one value of another type is another group', () => {
  const number = { name: 'n', attributes: [{ key: 'k', value: { intValue: '1' } }] };
  assert.equal(grouped(['k'], resource('', ['s', [span('a', 'k=1'), number, span('b', 'k=1')]])).length, 2);
});

test('what is said of one group does not go for joined ones', () => {
  const { processor, sink } = build([]);
  const sent = batch('traces', { resourceSpans: [resource('x=1', ['s', [span('a')]])] });
  processor.consume(sent);
  assert.ok(isReleased(sent));
  const [group] = decodeTree('traces', sink.batches[0] as Telemetry).resourceSpans;
  assert.deepEqual([group?.schemaUrl, group?.resource?.droppedAttributesCount], ['', 0]);
  assert.equal(shown(group?.scopeSpans[0]?.scope?.attributes), 'of=scope');
});

test('log records are grouped alike, and everything is counted', () => {
  const { processor, sink, metric } = build(['host']);
  const logRecords = ['host=a', 'host=b', 'host=a', ''].map((has) => ({ attributes: attributes(has) }));
  processor.consume(batch('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }));
  const { resourceLogs } = decodeTree('logs', sink.batches[0] as Telemetry);
  assert.deepEqual(
    resourceLogs.map((group) => [shown(group.resource?.attributes), group.scopeLogs[0]?.logRecords.length]),
    [
      ['host=a', 2],
      ['host=b', 1],
      ['', 1],
    ],
  );
  assert.deepEqual(sink.sizes, [4]);
  assert.deepEqual([metric('num_grouped_logs'), metric('num_non_grouped_logs'), metric('log_groups')], [3, 1, 3]);
});

test('data points are grouped, in metrics of the same name and type', () => {
  const { processor, sink, metric } = build(['host']);
  const points = (...has: string[]) => ({ dataPoints: has.map((text) => ({ attributes: attributes(text) })) });
  const cumulative = { aggregationTemporality: 2 };
  const metrics = [
    { name: 'm', unit: 'By', sum: { ...cumulative, isMonotonic: true, ...points('host=a k=1', 'host=b') } },
    { name: 'm', unit: 's', sum: { aggregationTemporality: 1, ...points('host=a') } },
    { name: 'm', gauge: points('host=a') },
    { name: 'h', histogram: { ...cumulative, ...points('') } },
    { name: 'e', exponentialHistogram: { ...cumulative, ...points('host=b') } },
    { name: 'q', summary: points('host=b') },
    { name: 'empty', gauge: points() },
    { name: 'none' },
  ];
  processor.consume(batch('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }));
  const out = decodeTree('metrics', sink.batches[0] as Telemetry).resourceMetrics.map((group) => [
    shown(group.resource?.attributes),
    group.scopeMetrics.flatMap((scope) => scope.metrics.map((m) => m.name)).join(),
  ]);
  assert.deepEqual(out, [
    ['host=a', 'm,m'],
    ['host=b', 'm,e,q'],
    ['', 'h'],
  ]);
  const sum = decodeTree('metrics', sink.batches[0] as Telemetry).resourceMetrics[0]?.scopeMetrics[0]?.metrics[0];
  assert.deepEqual([sum?.unit, sum?.sum?.aggregationTemporality, sum?.sum?.isMonotonic], ['By', 2, true]);
  assert.deepEqual(
    sum?.sum?.dataPoints.map((p) => shown(p.attributes)),
    ['k=1', ''],
  );
  assert.deepEqual(sink.sizes, [7]);
  assert.equal(metric('num_grouped_metrics'), 6);
});

test('a key twice is warned about, nothing left is nothing sent, and a refusal reaches the sender', () => {
  const { processor, sink, settings } = build(['a', 'a']);
  assert.deepEqual(settings.logger.messages('warn'), ['A grouping key is already present']);
  const empty = batch('traces', { resourceSpans: [resource('x=1')] });
  assert.equal(processor.consume(empty), undefined);
  assert.ok(isReleased(empty));
  assert.equal(sink.calls, 0);
  sink.refuse = new PipelineError('no');
  assert.throws(() => processor.consume(batch('traces', { resourceSpans: [resource('', ['s', [span('a')]])] })), /no/);
});
