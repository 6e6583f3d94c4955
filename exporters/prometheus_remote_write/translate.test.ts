import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type TranslateOptions, Translator } from './translate.ts';

const OPTIONS: TranslateOptions = {
  utf8: false,
  permissive: false,
  externalLabels: new Map([['zone', 'eu']]),
  scopeInfo: true,
  promotes: (key) => key === 'host',
  naming: { suffixes: true, utf8: false, namespace: '' },
  targetInfo: false,
  second: false,
};
const RESOURCE = { attributes: [text('service.name', 'shop'), text('host', 'h1')] };

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } };
}

/** The series that these points of a metric come to, in order, with their samples. */
function seriesOf(translator: Translator, points: readonly object[][], options: { readonly name: string }): string[] {
  const dataPoints = points.map((attributes, i) => ({ attributes, timeUnixNano: `${i + 1}000000`, asDouble: i }));
  const scopeMetrics = [{ scope: { name: 'library' }, metrics: [{ ...options, gauge: { dataPoints } }] }];
  const request = Buffer.from(JSON.stringify({ resourceMetrics: [{ resource: RESOURCE, scopeMetrics }] }));
  const { bytes, items } = decodeJson('metrics', request);
  // bytes that are no text, which JSON cannot have
  for (let at = bytes.indexOf('ß'); at >= 0; at = bytes.indexOf('ß')) bytes.fill(0xff, at, at + 2);
  const { series, failures } = translator.translate(Telemetry.of('metrics', bytes, items));
  assert.equal(failures.count, 0, failures.reasons.join());
  return [...series.sorted()].map(
    ({ encoded, start, end, samples }) =>
      `${encoded.toString('latin1', start, end)} ${samples.map(({ value }) => value).join()}`,
  );
}

/** A few points of one kind, so that there is a plan for it, then those that may not fit it. */
const KIND = (i: number) => [text('path', `/${i}`), text('http.method', 'GET')];
const OTHERS: readonly object[][] = [
  [text('path', '/a'), text('http.method', '')],
  [text('path', '/ä'), text('http.method', 'PUT')],
  [text('path', '/ß'), text('http.method', 'PUT')],
  [text('path', 'x'.repeat(119)), text('http.method', 'PUT')],
  [text('path', 'x'.repeat(120)), text('http.method', 'PUT')],
  [text('path', 'x'.repeat(200)), text('http.method', 'PUT')],
  [{ key: 'path', value: { intValue: '7' } }, text('http.method', 'PUT')],
  [text('path', '/a')],
  [text('path', '/a'), text('http.method', 'PUT'), text('more', '1')],
  [text('http.method', 'PUT'), text('path', '/a')],
  [text('path', '/a'), text('http_method', 'PUT'), text('http.method', 'GET')],
  [],
  KIND(1),
];
const KINDS: readonly ((i: number) => object[])[] = [
  KIND,
  (i) => [text('zone', `z${i}`), text('path', '/a')],
  (i) => [text('job', `j${i}`), text('id', `${i}`)],
  (i) => [text('host', `other${i}`), text('id', `${i}`)],
  (i) => [text('http.method', `a${i}`), text('http_method', `b${i}`)],
  (i) => [text('__name__', `n${i}`), text('id', `${i}`)],
  (i) => [text('9', `${i}`), text('Z', 'upper'), text('_a', 'b'), text('ü', 'c')],
];

test('points of one kind get the labels that each gets alone', () => {
  for (const kind of KINDS) {
    const points = [0, 1, 2, 3, 4, 5, 6].map(kind);
    const all = [...points, ...OTHERS, ...[7, 8, 9, 10, 11].map(kind), ...OTHERS];
    const together = seriesOf(new Translator(OPTIONS, 1), all, { name: 'size' });
    const alone = new Map<string, string[]>();
    for (const [i, point] of all.entries()) {
      const [one = ''] = seriesOf(new Translator(OPTIONS, 1), [point], { name: 'size' });
      const labels = one.slice(0, one.lastIndexOf(' '));
      alone.set(labels, [...(alone.get(labels) ?? []), String(i)]);
    }
    assert.deepEqual(
      together,
      [...alone].map(([labels, values]) => `${labels} ${values.join()}`),
    );
  }
});

test('a plan is not sought in attributes that have no name and no value', () => {
  const points = Array.from({ length: 9 }, (_, i) => [text('', ''), text('path', `/${i}`)]);
  assert.equal(seriesOf(new Translator(OPTIONS, 1), points, { name: 'm' }).length, points.length);
});

test('a plan is not kept for another metric', () => {
  const translator = new Translator(OPTIONS, 1);
  const points = Array.from({ length: 10 }, (_, i) => KIND(i));
  const [first = ''] = seriesOf(translator, points, { name: 'one' }).slice(-1);
  const [second = ''] = seriesOf(translator, points, { name: 'two' }).slice(-1);
  assert.equal(second, first.replace('one', 'two'));
});
