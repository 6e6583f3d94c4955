import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricDefinition } from '../../core/meter.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { nameOnPage, type PageSettings, renderPage } from './page.ts';
import { observeProcess } from './process-metrics.ts';
import { Registry } from './registry.ts';

const PLAIN: PageSettings = { without_scope_info: true, without_units: true, without_type_suffix: true };
const SUFFIXES: PageSettings = { without_scope_info: true, without_units: false, without_type_suffix: false };
const RESOURCE = { 'service.name': 'weir', 'service.version': '1' };

const SENT: MetricDefinition = { name: 'otelcol_exporter_sent_spans', description: 'Sent. [Alpha]', unit: '{spans}' };
const SIZE: MetricDefinition = { name: 'otelcol_exporter_queue_size', description: 'Size.', unit: '{batches}' };

test('the page of the default reader', () => {
  const registry = new Registry('normal');
  registry.counter(SENT, { exporter: 'otlp', 'server.address': 'h' }).add(17);
  registry.counter(SENT, { exporter: 'debug' });
  const size = { value: 3 };
  registry.observe(SIZE, { exporter: 'otlp', data_type: 'traces' }, 'gauge', () => size.value);
  registry.histogram({ name: 'batch_size', description: 'Units', unit: '{units}', bounds: [1, 5] }).record(5);
  size.value = 4;
  assert.equal(
    renderPage(registry, RESOURCE, PLAIN),
    [
      '# HELP batch_size Units',
      '# TYPE batch_size histogram',
      'batch_size_bucket{le="1"} 0',
      'batch_size_bucket{le="5"} 1',
      'batch_size_bucket{le="+Inf"} 1',
      'batch_size_sum 5',
      'batch_size_count 1',
      '# HELP otelcol_exporter_queue_size Size.',
      '# TYPE otelcol_exporter_queue_size gauge',
      'otelcol_exporter_queue_size{data_type="traces",exporter="otlp"} 4',
      '# HELP otelcol_exporter_sent_spans Sent. [Alpha]',
      '# TYPE otelcol_exporter_sent_spans counter',
      'otelcol_exporter_sent_spans{exporter="otlp",server_address="h"} 17',
      'otelcol_exporter_sent_spans{exporter="debug"} 0',
      '# HELP target_info Target metadata',
      '# TYPE target_info gauge',
      'target_info{service_name="weir",service_version="1"} 1',
      '',
    ].join('\n'),
  );
});

test('suffixes as the collector writes them', () => {
  const name = (of: string, unit: string, type: 'counter' | 'gauge' | 'histogram') =>
    nameOnPage(of, unit, type, SUFFIXES);
  assert.equal(name('otelcol_process_uptime', 's', 'counter'), 'otelcol_process_uptime_seconds_total');
  assert.equal(name('otelcol_process_cpu_seconds', 's', 'counter'), 'otelcol_process_cpu_seconds_total');
  assert.equal(
    name('otelcol_process_runtime_total_alloc_bytes', 'By', 'counter'),
    'otelcol_process_runtime_total_alloc_bytes_total',
  );
  assert.equal(name('otelcol_process_memory_rss', 'By', 'gauge'), 'otelcol_process_memory_rss_bytes');
  assert.equal(name('http.server.request.duration', 's', 'histogram'), 'http_server_request_duration_seconds');
  assert.equal(name('otelcol_exporter_queue_size', '{batches}', 'gauge'), 'otelcol_exporter_queue_size');
  assert.equal(nameOnPage('a', 's', 'counter', { ...SUFFIXES, without_units: true }), 'a_total');
  assert.equal(name('requests_total', 's', 'counter'), 'requests_seconds_total');
});

test('scope labels and resource labels are added where they are asked for', () => {
  const registry = new Registry('normal');
  registry.counter(SENT, { exporter: 'otlp' }).add(1);
  const page = renderPage(registry, RESOURCE, {
    ...PLAIN,
    without_scope_info: false,
    with_resource_constant_labels: { included: ['service.*'], excluded: ['service.version'] },
  });
  const line = page.split('\n')[2];
  const scope = 'otel_scope_name="weir",otel_scope_schema_url="",otel_scope_version=""';
  assert.equal(line, `otelcol_exporter_sent_spans{exporter="otlp",${scope},service_name="weir"} 1`);
});

test('a metric above the level shows nowhere and takes values', () => {
  const registry = new Registry('basic');
  const normal = { ...SENT, level: 'normal' } as const;
  assert.equal(registry.enabled(normal), false);
  registry.counter(normal).add(1);
  registry.observe(normal, {}, 'gauge', () => 1)();
  registry.histogram({ ...normal, bounds: [] }).record(1);
  assert.deepEqual(registry.collect(), []);
  assert.equal(new Registry('none').enabled(SENT), false);
  assert.equal(new Registry('detailed').enabled({ ...SENT, level: 'detailed' }), true);
});

test('the same name and labels are one series, whatever the order of the labels', () => {
  const registry = new Registry('basic');
  registry.counter(SENT, { a: '1', b: '2' }).add(1);
  registry.counter(SENT, { b: '2', a: '1' }).add(2);
  assert.deepEqual(registry.collect()[0]?.points, [
    {
      labels: [
        ['a', '1'],
        ['b', '2'],
      ],
      value: 3,
    },
  ]);
  assert.throws(() => registry.gauge(SENT), /otelcol_exporter_sent_spans is a counter, not a gauge/);
});

test('of two observers of one series the newer counts, until it ends', () => {
  const registry = new Registry('basic');
  const value = () => registry.collect()[0]?.points[0]?.value;
  const endOld = registry.observe(SIZE, {}, 'gauge', () => 1);
  const endNew = registry.observe(SIZE, {}, 'gauge', () => 2);
  assert.equal(value(), 2);
  endOld();
  assert.equal(value(), 2);
  endNew();
  endNew();
  assert.equal(value(), undefined);
});

test('an observer that fails does not take the page away', () => {
  const registry = new Registry('basic');
  registry.counter(SENT).add(1);
  registry.observe(SIZE, {}, 'gauge', () => {
    throw new Error('no');
  });
  assert.deepEqual(
    registry.collect().map((f) => f.definition.name),
    [SENT.name],
  );
});

test('process metrics', () => {
  const clock = new FakeClock();
  const registry = new Registry('basic');
  observeProcess(registry, clock);
  clock.advance(1500);
  const values = new Map(registry.collect().map((f) => [f.definition.name, f.points[0]?.value as number]));
  assert.equal(values.get('otelcol_process_uptime'), 1.5);
  for (const name of [
    'otelcol_process_cpu_seconds',
    'otelcol_process_memory_rss',
    'otelcol_process_runtime_heap_alloc_bytes',
    'otelcol_process_runtime_total_alloc_bytes',
    'otelcol_process_runtime_total_sys_memory_bytes',
  ]) {
    assert.ok((values.get(name) ?? 0) > 0, name);
  }
});

test('a scope ends with its series, those that others asked for go on', () => {
  const registry = new Registry('basic');
  const gone = { ...SENT, name: 'otelcol_gone' };
  const [old, next] = [registry.scope(), registry.scope()];
  old.counter(SENT, { exporter: 'kept' }).add(1);
  old.counter(SENT, { exporter: 'kept' }).add(1);
  old.counter(SENT, { exporter: 'gone' }).add(1);
  old.observe(gone, {}, 'gauge', () => 7);
  registry.counter(SENT, { exporter: 'always' }).add(1);
  next.counter(SENT, { exporter: 'kept' }).add(1);
  old.end();
  old.end();
  old.counter(SENT, { exporter: 'late' }).add(1);
  const values = () => registry.collect().flatMap(({ points }) => points.map((p) => [p.labels[0]?.[1], p.value]));
  assert.deepEqual(values(), [
    ['kept', 3],
    ['always', 1],
  ]);
  const third = registry.scope();
  third.counter(SENT, { exporter: 'gone' }).add(1);
  assert.deepEqual(values(), [
    ['kept', 3],
    ['gone', 2],
    ['always', 1],
  ]);
  next.end();
  third.end();
  assert.deepEqual(values(), [['always', 1]]);
  registry.scope().counter(SENT, { exporter: 'kept' }).add(1);
  assert.deepEqual(values(), [
    ['always', 1],
    ['kept', 1],
  ]);
});
