import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import type { Exemplar } from '../otlp/tree.ts';
import { openMetricsPage, textPage } from './exposition.ts';
import { Families, type NumberSample } from './families.ts';
import { exponentialSample, histogramSample, numberSample } from './from-otlp.ts';
import { escapeName, labelName, metricName } from './names.ts';
import { negotiate } from './negotiate.ts';
import { protobufPage } from './protobuf.ts';
import type { TextLabels } from './text.ts';

const FRAME = { labels: [['a', 'x']] as TextLabels, timestampMs: undefined };
const POINT = { attributes: [], startTimeUnixNano: 0n, timeUnixNano: 0n, flags: 0, exemplars: [] };
const EXEMPLAR: Exemplar = {
  filteredAttributes: [],
  timeUnixNano: 1_500_000_000n,
  asDouble: 7,
  traceId: Buffer.alloc(16, 1),
  spanId: Buffer.alloc(8, 2),
};
const IDS = `trace_id="${'01'.repeat(16)}",span_id="${'02'.repeat(8)}"`;

function sample(value: number, labels: TextLabels = []): NumberSample {
  return { value, labels };
}

test('families by name, samples by labels, and nothing twice', () => {
  const families = new Families();
  assert.equal(families.add('b', '', 'gauge', sample(1, [['l', 'z']])), undefined);
  assert.equal(families.add('b', '', 'gauge', sample(2, [['l', 'a']])), undefined);
  assert.equal(families.add('a', '', 'counter', sample(3)), undefined);
  assert.match(families.add('b', '', 'gauge', sample(9, [['l', 'z']])) ?? '', /collected before/);
  assert.match(families.add('b', '', 'counter', sample(9)) ?? '', /should be a gauge/);
  assert.match(families.add('b', 'other', 'gauge', sample(9)) ?? '', /has help/);
  const text = '# HELP a \n# TYPE a counter\na 3\n# HELP b \n# TYPE b gauge\nb{l="a"} 2\nb{l="z"} 1\n';
  assert.equal(textPage(families.sorted(), 'underscores'), text);
});

test('what a histogram or summary is made of cannot be another metric', () => {
  const families = new Families();
  families.add('h', '', 'histogram', { labels: [], count: 0n, sum: 0, buckets: [] });
  for (const name of ['h_sum', 'h_count', 'h_bucket']) {
    assert.match(families.add(name, '', 'gauge', sample(1)) ?? '', /collides with previously collected histogram/);
  }
  families.add('s_count', '', 'gauge', sample(1));
  const summary = { labels: [], count: 0n, sum: 0, quantiles: [] };
  assert.match(families.add('s', '', 'summary', summary) ?? '', /collides with previously collected metric/);
});

test('OpenMetrics: endings, types, exemplars, floating point, end', () => {
  const families = new Families();
  const number = { ...POINT, asInt: 1234567n, exemplars: [EXEMPLAR] };
  families.add('c_total', 'a "b"', 'counter', { ...numberSample(number, true, FRAME), timestampMs: 1500 });
  families.add('d', '', 'counter', sample(1));
  const histogram = { ...POINT, count: 3n, sum: 7, bucketCounts: [1n, 2n], explicitBounds: [5], exemplars: [EXEMPLAR] };
  families.add('h', '', 'histogram', histogramSample(histogram, FRAME));
  assert.equal(
    openMetricsPage(families.sorted(), 'underscores'),
    [
      '# HELP c a \\"b\\"',
      '# TYPE c counter',
      `c_total{a="x"} 1.234567e+06 1.5 # {${IDS}} 7.0 1.5`,
      '# HELP d ',
      '# TYPE d unknown',
      'd 1.0',
      '# HELP h ',
      '# TYPE h histogram',
      'h_bucket{a="x",le="5.0"} 1',
      `h_bucket{a="x",le="+Inf"} 3 # {${IDS}} 7.0 1.5`,
      'h_sum{a="x"} 7.0',
      'h_count{a="x"} 3',
      '# EOF',
      '',
    ].join('\n'),
  );
});

test('names that only new scrapers know are quoted for them and escaped for others', () => {
  const families = new Families();
  families.add('a.b', '', 'gauge', sample(1, [['c.d', 'x']]));
  const sorted = families.sorted();
  assert.match(textPage(sorted, 'allow-utf-8'), /^\{"a.b","c.d"="x"\} 1$/m);
  assert.match(textPage(sorted, 'allow-utf-8'), /^# TYPE "a.b" gauge$/m);
  assert.match(textPage(sorted, 'underscores'), /^a_b\{c_d="x"\} 1$/m);
  assert.match(textPage(sorted, 'values'), /^U__a_2e_b\{U__c_2e_d="x"\} 1$/m);
  assert.equal(escapeName('a.b_c-d', 'dots'), 'a_dot_b__c__d');
  assert.equal(escapeName('a_b', 'dots'), 'a_b');
});

test('names with every strategy', () => {
  assert.equal(metricName('a.b', 'By/s', 'counter', { suffixes: true, utf8: true }), 'a.b_bytes_per_second_total');
  assert.equal(metricName('a.total', '', 'counter', { suffixes: true, utf8: true }), 'a_total');
  assert.equal(metricName('a.b', 's', 'counter', { suffixes: false, utf8: true, namespace: 'n' }), 'n_a.b');
  assert.equal(metricName('a.b', 'm s@', 'other', { suffixes: true }), 'a_b_m_s_');
  assert.throws(() => metricName('--', '', 'gauge', { suffixes: false }), /resulted in empty name/);
  assert.throws(() => labelName('.', false), /resulted in invalid name "_"/);
  assert.throws(() => labelName('', true), /empty/);
});

test('negotiation', () => {
  const kinds = (accept: string | undefined, openMetrics = true) => {
    const { kind, escaping } = negotiate(accept, openMetrics);
    return `${kind} ${escaping}`;
  };
  const open = 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6';
  const proto =
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=values';
  assert.equal(kinds(undefined), 'text underscores');
  assert.equal(kinds(`${open},text/plain;version=0.0.4;q=0.3`), 'openmetrics allow-utf-8');
  assert.equal(kinds(`${open},text/plain;version=0.0.4;q=0.3`, false), 'text allow-utf-8');
  assert.equal(kinds(`text/plain;q=0.5,${proto}`), 'protobuf values');
  assert.equal(kinds('text/html'), 'text underscores');
  assert.match(negotiate(open, true).contentType, /version=1.0.0; charset=utf-8; escaping=allow-utf-8$/);
});

const PROTO = `syntax = "proto2";
message Label { optional string name = 1; optional string value = 2; }
message Number { optional double value = 1; }
message Span { optional sint32 offset = 1; optional uint32 length = 2; }
message Histogram {
  optional uint64 sample_count = 1; optional double sample_sum = 2; optional sint32 schema = 5;
  optional double zero_threshold = 6; optional uint64 zero_count = 7;
  repeated Span positive_span = 12; repeated sint64 positive_delta = 13;
}
message Metric {
  repeated Label label = 1; optional Number gauge = 2; optional Histogram histogram = 7;
  optional int64 timestamp_ms = 6;
}
message Family {
  optional string name = 1; optional string help = 2; optional int32 type = 3; repeated Metric metric = 4;
}`;

test('the protobuf page has exponential buckets', () => {
  const families = new Families();
  const positive = { offset: -1, bucketCounts: [2n, 0n, 0n, 0n, 0n, 3n] };
  const point = {
    ...POINT,
    count: 6n,
    sum: 4.5,
    scale: 0,
    zeroCount: 1n,
    positive,
    negative: undefined,
    zeroThreshold: 0,
  };
  families.add('h', 'help', 'histogram', exponentialSample(point, FRAME));
  families.add('g', '', 'gauge', { ...sample(0), timestampMs: 1500 });
  const page = protobufPage(families.sorted(), 'underscores');
  const type = protobuf.parse(PROTO).root.lookupType('Family');
  const reader = protobuf.Reader.create(page);
  const read = () => type.toObject(type.decodeDelimited(reader), { longs: Number });
  assert.deepEqual(read(), { name: 'g', help: '', type: 1, metric: [{ gauge: { value: 0 }, timestampMs: 1500 }] });
  assert.deepEqual(read(), {
    name: 'h',
    help: 'help',
    type: 4,
    metric: [
      {
        label: [{ name: 'a', value: 'x' }],
        histogram: {
          sampleCount: 6,
          sampleSum: 4.5,
          schema: 0,
          zeroThreshold: 1e-128,
          zeroCount: 1,
          positiveSpan: [{ offset: 0, length: 6 }],
          positiveDelta: [2, -2, 0, 0, 0, 3],
        },
      },
    ],
  });
});

test('an exponential histogram must add up and have a scale that native ones have', () => {
  const base = { ...POINT, count: 1n, sum: 1, zeroCount: 0n, negative: undefined, zeroThreshold: 0 };
  const positive = { offset: 0, bucketCounts: [1n, 1n] };
  assert.throws(() => exponentialSample({ ...base, scale: 0, positive }, FRAME), /exceeds the count/);
  assert.throws(
    () => exponentialSample({ ...base, scale: -5, positive: undefined }, FRAME),
    /scale must be >= -4, was -5/,
  );
  const fine = exponentialSample(
    { ...base, count: 2n, scale: 9, positive: { offset: 1, bucketCounts: [1n, 1n] } },
    FRAME,
  );
  assert.deepEqual(
    [...(fine.native?.positive ?? [])],
    [
      [1, 1n],
      [2, 1n],
    ],
  );
});
