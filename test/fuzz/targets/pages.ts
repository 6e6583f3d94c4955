import assert from 'node:assert/strict';
import { bytesField, stringField, varintField } from '../../../core/otlp/fields.ts';
import { OpenMetricsPage } from '../../../core/prometheus/parse/openmetrics-page.ts';
import { PageError, type PageReader, type PageSink } from '../../../core/prometheus/parse/page.ts';
import { PrometheusPage } from '../../../core/prometheus/parse/prometheus-page.ts';
import { ProtobufPage } from '../../../core/prometheus/parse/protobuf-page.ts';
import { Random } from '../../differential/random.ts';
import type { Target } from '../engine.ts';
import { mutateProtobuf } from '../mutate-protobuf.ts';
import { mutateTokens } from '../mutate-tokens.ts';

const TEXT = [
  '# HELP a what\\n it \\\\ is\n# TYPE a counter\n#comment\n\n a{b="c\\"\\n}", d = "é" ,} 1.5e3 123\na NaN\nz{} -Inf\n',
  '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4.5\nh_count 3\n{"a.b",c="1"} 2\n',
  '# TYPE s summary\ns{quantile="0.5"} 1 -1\ns_sum 3\ns_count 2\na{b="x\ny"} 1\n',
];
const OPEN = [
  '# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds x\n' +
    'a_seconds_total{x="y"} 5 1.5 # {trace_id="01"} 0.5 2\n# EOF\n',
  '# TYPE h histogram\nh_bucket{le="1.0"} 2 # {a="b"} 0.5\n' +
    'h_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\nh_created 1.5\n# EOF\n',
  '# TYPE i info\ni_info{a="b"} 1\n# TYPE s stateset\ns{s="x"} 0\n{"a.b"} 1\n# EOF\n',
];
const WORDS = [
  '# TYPE ',
  '# HELP ',
  '# UNIT ',
  '# EOF\n',
  '#',
  'counter',
  'histogram',
  'summary',
  'gauge',
  'untyped',
  'info',
  'le="',
  '_bucket',
  '_total',
  '{',
  '}',
  '=',
  ',',
  '"',
  '\\',
  '\\n',
  '\n',
  '\r\n',
  ' ',
  '  ',
  '\t',
  '\0',
  '\xff',
  '# {a="b"} 1',
  'a',
  ':',
  'é',
  '{"a b"}',
  '1e999',
  '0x1p-2',
];
const TOKENS = /[A-Za-z_]+|[0-9.]+|[^A-Za-z0-9_.]/g;

type Make = (sink: PageSink) => PageReader;

const TEXTS: Readonly<Record<string, readonly [texts: readonly string[], make: Make]>> = {
  'prometheus-text': [TEXT, (sink) => new PrometheusPage(sink)],
  'prometheus-openmetrics': [OPEN, (sink) => new OpenMetricsPage(sink)],
};

/** A page that is scraped, in one of three formats. */
export function page(name: string): Target {
  const [texts, make] = TEXTS[name] ?? [];
  if (texts === undefined || make === undefined) {
    const options = { nativeHistograms: true, alsoClassic: true };
    const check = (input: Buffer): boolean => sameInPieces(input, (sink) => new ProtobufPage(sink, options));
    return { name, seeds: protobufSeeds, mutate: mutateFamilies, check };
  }
  return {
    name,
    seeds: () => texts.map((text) => Buffer.from(text)),
    mutate: mutateTokens(TOKENS, WORDS),
    check: (input) => sameInPieces(input, make),
  };
}

/** What a page says does not depend on how it came. */
function sameInPieces(input: Buffer, make: Make): boolean {
  const whole = read([input], make);
  const random = new Random(input.length);
  const pieces: Buffer[] = [];
  for (let at = 0; at < input.length; at += (pieces.at(-1) as Buffer).length) {
    pieces.push(Buffer.from(input.subarray(at, at + 1 + random.below(20))));
  }
  assert.deepEqual(read(pieces, make), whole, 'in pieces');
  return !whole.refused;
}

function read(chunks: readonly Buffer[], make: Make): { readonly said: readonly string[]; readonly refused: boolean } {
  const said: string[] = [];
  const reader = make({
    type: (family, type) => said.push(`TYPE ${family} ${type}`),
    help: (family, text) => said.push(`HELP ${family} ${text}`),
    unit: (family, unit) => said.push(`UNIT ${family} ${unit}`),
    sample: (sample) => {
      const { value, timestamp, histogram, exemplars, startTimestamp } = sample;
      const native = JSON.stringify(histogram, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
      said.push(
        `${sample.labels().join(';')} ${value} ${timestamp} ${startTimestamp} ${native} ${JSON.stringify(exemplars)}`,
      );
    },
  });
  try {
    for (const chunk of chunks) reader.push(chunk);
    reader.finish();
  } catch (error) {
    if (!(error instanceof PageError)) throw error;
    return { said, refused: true };
  }
  return { said, refused: false };
}

/** MetricFamily messages of https://github.com/prometheus/client_model, each after its length. */
function protobufSeeds(): Buffer[] {
  const double = (number: number, value: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes[0] = number * 8 + 1;
    bytes.writeDoubleLE(value, 1);
    return bytes;
  };
  const label = bytesField(1, Buffer.concat([stringField(1, 'path'), stringField(2, '/a')]));
  const exemplar = Buffer.concat([label, double(2, 0.5), bytesField(3, varintField(1, 1_700_000_000n))]);
  const bucket = Buffer.concat([varintField(1, 3n), double(2, 0.1), bytesField(3, exemplar)]);
  const span = bytesField(12, Buffer.concat([varintField(1, 4n), varintField(2, 2n)]));
  const native = [
    varintField(5, 6n),
    double(6, 0.001),
    varintField(7, 1n),
    span,
    bytesField(13, Buffer.from([2, 4, 3])),
  ];
  const classic = [varintField(1, 5n), double(2, 1.5), bytesField(3, bucket)];
  const metrics = [
    [0n, bytesField(3, Buffer.concat([double(1, 4), bytesField(2, exemplar)]))],
    [1n, bytesField(2, double(1, -3))],
    [
      2n,
      bytesField(
        4,
        Buffer.concat([varintField(1, 2n), double(2, 3), bytesField(3, Buffer.concat([double(1, 0.5), double(2, 9)]))]),
      ),
    ],
    [4n, bytesField(7, Buffer.concat(classic))],
    [4n, bytesField(7, Buffer.concat([...classic, ...native]))],
  ] as const;
  return metrics.map(([type, value], i) => {
    const metric = bytesField(4, Buffer.concat([label, value, varintField(6, 1_700_000_000_000n)]));
    const family = [stringField(1, `m_${i}`), stringField(2, 'what'), varintField(3, type), metric];
    return Buffer.concat(family);
  });
}

/** Mutates families, and puts their lengths before them: now and then wrong ones. */
function mutateFamilies(input: Buffer, random: Random, pool: readonly Buffer[]): Buffer {
  const framed = (family: Buffer): Buffer => bytesField(1, family).subarray(1);
  const changed = mutateProtobuf(input[0] === 0x0a ? input : input.subarray(1), random, pool);
  const page = Buffer.concat([framed(changed), ...random.list(0, 2, () => framed(random.pick(pool)))]);
  return random.chance(0.1) ? mutateProtobuf(page, random, pool) : page;
}
