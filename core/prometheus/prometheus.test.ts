import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricName, sanitizeLabelName, sanitizeMetricName } from './names.ts';
import { formatValue, TextWriter } from './text.ts';

test('values are written as Go writes them', () => {
  const cases: readonly [number, string][] = [
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [135, '135'],
    [123456.789, '123456.789'],
    [100000, '100000'],
    [1e6, '1e+06'],
    [1234567, '1.234567e+06'],
    [1234567.25, '1.23456725e+06'],
    [9652224, '9.652224e+06'],
    [-2.5e7, '-2.5e+07'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [3.9379e-5, '3.9379e-05'],
    [1e21, '1e+21'],
    [5e-324, '5e-324'],
    [Number.NaN, 'NaN'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
  ];
  for (const [value, text] of cases) assert.equal(formatValue(value), text);
});

test('families, samples and escapes', () => {
  const writer = new TextWriter();
  writer.family('a', 'gauge', 'one\\two\nthree "four"');
  writer.sample('a', [['x', 'q"b\\c\nd']], 2);
  writer.sample('a', [], 3, 1700000000000);
  writer.family('b', 'untyped', '');
  assert.equal(
    writer.toString(),
    [
      '# HELP a one\\\\two\\nthree "four"',
      '# TYPE a gauge',
      'a{x="q\\"b\\\\c\\nd"} 2',
      'a 3 1700000000000',
      '# TYPE b untyped',
      '',
    ].join('\n'),
  );
});

test('a histogram has cumulative buckets', () => {
  const writer = new TextWriter();
  writer.histogram('h', [['p', 'x']], { bounds: [10, 1e6], counts: [1, 2, 3], sum: 7.5 });
  assert.equal(
    writer.toString(),
    [
      'h_bucket{p="x",le="10"} 1',
      'h_bucket{p="x",le="1e+06"} 3',
      'h_bucket{p="x",le="+Inf"} 6',
      'h_sum{p="x"} 7.5',
      'h_count{p="x"} 6',
      '',
    ].join('\n'),
  );
});

test('names with and without suffixes', () => {
  const both = { suffixes: true };
  assert.equal(metricName('http.server.duration', 's', 'other', both), 'http_server_duration_seconds');
  assert.equal(metricName('cpu_seconds', 's', 'counter', both), 'cpu_seconds_total');
  assert.equal(metricName('a_total__bytes', 'By', 'counter', both), 'a_bytes_total');
  assert.equal(metricName('rate', 'By/s', 'gauge', both), 'rate_bytes_per_second');
  assert.equal(metricName('cpu.use', '1', 'gauge', both), 'cpu_use_ratio');
  assert.equal(metricName('queue', '{batches}', 'gauge', both), 'queue');
  assert.equal(metricName('x', 'toString', 'gauge', both), 'x_toString');
  assert.equal(metricName('1.x', '', 'gauge', { ...both, namespace: 'n-s' }), 'n-s_1_x');
  assert.equal(metricName('1.b--c__d', 's', 'counter', { suffixes: false }), '_1_b_c__d');
});

test('invalid characters', () => {
  assert.equal(sanitizeMetricName('1a-b:c'), '_1a_b:c');
  assert.equal(sanitizeLabelName('1a-b:c'), 'key_1a_b_c');
});
