import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenMetricsPage } from './openmetrics-page.ts';
import { PageError, type PageReader, type PageSink } from './page.ts';
import { PrometheusPage } from './prometheus-page.ts';
import { ProtobufPage } from './protobuf-page.ts';

type Format = 'text' | 'openmetrics' | 'protobuf';

/** What a page says, a line for each thing; read in pieces of this size. */
function read(page: string | Buffer, format: Format = 'text', piece = 7): string[] {
  const said: string[] = [];
  const sink: PageSink = {
    type: (family, type) => said.push(`TYPE ${family} ${type}`),
    help: (family, text) => said.push(`HELP ${family} ${text}`),
    unit: (family, unit) => said.push(`UNIT ${family} ${unit}`),
    sample: (sample) => {
      const exemplars = sample.exemplars.map((e) => ` # ${e.labels.join(';')} ${e.value} ${e.timestamp}`).join('');
      const time = Number.isNaN(sample.timestamp) ? '' : ` ${sample.timestamp}`;
      const labels = sample.labels().map(([name, value]) => `${name}=${value}`);
      said.push(`${labels.join(',')} ${sample.value}${time}${exemplars}`);
    },
  };
  const options = { nativeHistograms: true, alsoClassic: false };
  const readers: Readonly<Record<Format, () => PageReader>> = {
    text: () => new PrometheusPage(sink),
    openmetrics: () => new OpenMetricsPage(sink),
    protobuf: () => new ProtobufPage(sink, options),
  };
  const reader = readers[format]();
  const bytes = Buffer.from(page);
  for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece));
  reader.finish();
  return said;
}

test('text in pieces of any size', () => {
  const page =
    '# HELP a what\\n it \\\\ is\n# TYPE a counter\n#comment\n\n a{b="c\\"\\n}", d = "é" ,} 1.5e3 123\na NaN\nz{} -Inf';
  const expected = [
    'HELP a what\n it \\ is',
    'TYPE a counter',
    '__name__= a,b=c"\n},d=é 1500 123',
    '__name__=a NaN',
    '__name__=z -Infinity',
  ];
  for (const piece of [1, 2, 3, 5, 11, 1000]) assert.deepEqual(read(page, 'text', piece), expected, `${piece}`);
});

test('names of any characters stand in quotes', () => {
  assert.deepEqual(read('{"a.b",c="1"} 2\n'), ['__name__=a.b,c=1 2']);
  assert.deepEqual(read('{c="1","a.b"} 2\n# EOF\n', 'openmetrics'), ['__name__=a.b,c=1 2']);
  assert.deepEqual(read('# TYPE "a.b" gauge\n'), ['TYPE a.b gauge']);
});

test('a value may have a line break of its own', () => {
  assert.deepEqual(read('a{b="x\ny"} 1\n'), ['__name__=a,b=x\ny 1']);
});

test('bounds have one form', () => {
  assert.deepEqual(read('# TYPE h histogram\nh_bucket{le="1"} 2\n').slice(1), ['__name__=h_bucket,le=1.0 2']);
});

test('OpenMetrics has exemplars, units, times in seconds and an end', () => {
  const page =
    '# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total{x="y"} 5 1.5 # {trace_id="01"} 0.5 2\n# EOF\n';
  const expected = ['TYPE a_seconds counter', 'UNIT a_seconds seconds'];
  const sample = '__name__=a_seconds_total,x=y 5 1500 # trace_id,01 0.5 2000';
  assert.deepEqual(read(page, 'openmetrics'), [...expected, sample]);
});

const WRONG: readonly (readonly [page: string, format: Format])[] = [
  ['a', 'text'],
  ['a{b="c"', 'text'],
  ['a{b=c} 1', 'text'],
  ['a{b="c} 1\n', 'text'],
  ['1a 2', 'text'],
  ['a 1 2 3', 'text'],
  ['a 0x10', 'text'],
  ['a 1_000', 'text'],
  ['a 1e999', 'text'],
  ['# TYPE a nothing', 'text'],
  ['{b="c"} 1', 'text'],
  ['a 1\n', 'openmetrics'],
  ['a  1\n# EOF\n', 'openmetrics'],
  ['a 1\n\n# EOF\n', 'openmetrics'],
  ['a{b="c" ,} 1\n# EOF\n', 'openmetrics'],
  ['# EOF\na 1\n', 'openmetrics'],
  ['# UNIT a_seconds bytes\n# EOF\n', 'openmetrics'],
  ['a 1 # {b="c"}\n# EOF\n', 'openmetrics'],
  ['\x05ab', 'protobuf'],
  ['\x04\x0a\xff\xff\xff', 'protobuf'],
];
for (const [page, format] of WRONG) {
  test(`${JSON.stringify(page)} is no ${format} page`, () => {
    assert.throws(() => read(Buffer.from(page, 'latin1'), format), PageError);
  });
}

test('text that is not UTF-8 is refused', () => {
  assert.throws(() => read(Buffer.from('a{b="\xff"} 1\n', 'latin1')), PageError);
});

test('a NUL where a line begins ends the page', () => {
  assert.deepEqual(read('a 1\n\0 anything\nb 2\n'), ['__name__=a 1']);
});
