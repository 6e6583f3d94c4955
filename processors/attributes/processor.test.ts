import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { contextWith, isReleased, spanBatch } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { AttributesProcessor } from './processor.ts';

function run(yaml: string, batch: Telemetry): Telemetry {
  let result: Telemetry | undefined;
  const next = {
    consume(got: Telemetry) {
      result = got;
    },
  };
  const settings = testSettings({ signals: [batch.signal] });
  new AttributesProcessor(settings, readYaml(config, yaml), next).consume(batch);
  return result as Telemetry;
}

function batchOf(signal: Signal, request: object): Telemetry {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(request)));
  return Telemetry.of(signal, bytes, items);
}

/** How often the attribute `hit` is in the batch. */
const hits = (batch: Telemetry) => encodeJson(batch).toString().split('"hit"').length - 1;

const HIT = 'actions: [{ key: hit, value: 1, action: insert }]';

test('with and without the kernel a batch gets the same attributes', () => {
  for (const match of ['', 'include: { match_type: regexp, span_names: ["."] }\n']) {
    const batch = spanBatch(['a', 'b']);
    const result = run(match + HIT, batch);
    assert.equal(hits(result), 2);
    assert.equal(result.items, 2);
    assert.equal(isReleased(batch), true);
  }
});

test('only what include matches and exclude does not is changed', () => {
  const include = 'include: { match_type: regexp, span_names: ["^a"] }\n';
  const exclude = 'exclude: { match_type: strict, span_names: [ab] }\n';
  const names = ['a', 'ab', 'abc', 'b'];
  assert.equal(hits(run(include + HIT, spanBatch(names))), 3);
  assert.equal(hits(run(exclude + HIT, spanBatch(names))), 3);
  assert.equal(hits(run(include + exclude + HIT, spanBatch(names))), 2);
});

test('data points of all kinds and exemplars left alone', () => {
  const point = { timeUnixNano: '1', exemplars: [{ filteredAttributes: [] }] };
  const metrics = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'].map((kind) => ({
    name: kind,
    [kind]: { dataPoints: kind === 'summary' ? [{ timeUnixNano: '1' }] : [point, point] },
  }));
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
  assert.equal(hits(run(HIT, batchOf('metrics', request))), 9);
  const include = 'include: { match_type: strict, metric_names: [sum, summary] }\n';
  assert.equal(hits(run(include + HIT, batchOf('metrics', request))), 3);
});

test('values of the request are those of the batch at hand', () => {
  const yaml = 'actions: [{ key: hit, from_context: tenant, action: insert }]';
  assert.equal(hits(run(yaml, spanBatch(['a'], {}, contextWith({ tenant: ['x'] })))), 1);
  const without = spanBatch(['a']);
  assert.equal(run(yaml, without), without);
});

test('what makes no sense is refused in the words of the collector', () => {
  const cases: readonly (readonly [Signal, string, string])[] = [
    [
      'traces',
      'include: { match_type: strict }',
      'at least one of "attributes", "libraries",  or "resources" field must be specified',
    ],
    [
      'traces',
      'include: { match_type: foo, services: [a] }',
      "error creating service name filters: unrecognized match_type: 'foo', valid types are: [regexp strict]",
    ],
    [
      'traces',
      'exclude: { match_type: regexp, span_names: ["("] }',
      'error creating span name filters: error parsing regexp: missing closing ): `(`',
    ],
    [
      'traces',
      'include: { match_type: strict, log_bodies: [a] }',
      'log_bodies should not be specified for trace spans',
    ],
    [
      'traces',
      'include: { match_type: strict, attributes: [{ key: "" }] }',
      "error creating attribute filters: can't have empty key in the list of attributes",
    ],
    [
      'traces',
      'include: { match_type: regexp, resources: [{ key: a, value: 1 }] }',
      'error creating resource filters: match_type=regexp for "a" only supports Str, but found Int',
    ],
    [
      'traces',
      'include: { match_type: strict, span_kinds: [SERVER] }',
      'span_kinds string must match one of the standard span kinds when match_type=strict: [     SPAN_KIND_CLIENT SPAN_KIND_CONSUMER SPAN_KIND_INTERNAL SPAN_KIND_PRODUCER SPAN_KIND_SERVER]',
    ],
    [
      'logs',
      'include: { match_type: strict, services: [a] }',
      'services, span_names, span_kinds and metric_names are not valid for log records',
    ],
    [
      'logs',
      'include: { match_type: strict }',
      'at least one of "attributes", "libraries", "span_kinds", "resources", "log_bodies", "log_severity_texts" or "log_severity_number" field must be specified',
    ],
    [
      'metrics',
      'include: { match_type: strict, services: [a] }',
      '"span_names", "span_kinds", "log_bodies", "log_severity_texts", "log_severity_number", "services", "attributes" and "libraries" are not valid for metrics',
    ],
    [
      'metrics',
      'exclude: { match_type: strict }',
      'at least one of "metric_names" or "resources" field must be specified',
    ],
  ];
  for (const [signal, match, message] of cases) {
    const create = () => run(`${match}\n${HIT}`, Telemetry.of(signal, Buffer.alloc(0), 0));
    assert.throws(create, new Error(message), `${signal} ${match}`);
  }
  assert.throws(() => readYaml(config, ''), /missing required field "actions"/);
});
