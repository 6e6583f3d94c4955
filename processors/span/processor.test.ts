import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree, type Span } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from './config.ts';
import { SpanProcessor } from './processor.ts';

function changed(yaml: string, span: object): Span {
  const request = { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] };
  const { bytes } = decodeJson('traces', Buffer.from(JSON.stringify(request)));
  let result: Span | undefined;
  const next = {
    consume(batch: Telemetry) {
      result = decodeTree('traces', batch).resourceSpans[0]?.scopeSpans[0]?.spans[0];
    },
  };
  new SpanProcessor(testSettings(), readYaml(config, yaml), next).consume(Telemetry.of('traces', bytes, 1));
  return result as Span;
}

const textsOf = (span: Span) => span.attributes.map(({ key, value }) => [key, value?.stringValue]);
const rules = (...list: string[]) => `name: { to_attributes: { rules: ${JSON.stringify(list)} } }`;

test('a name is made of attributes only where all are there', () => {
  const yaml = 'name: { from_attributes: [a, b], separator: "-" }';
  const a = { key: 'a', value: { doubleValue: 1e21 } };
  const b = { key: 'b', value: { kvlistValue: { values: [] } } };
  const name = changed(yaml, { name: 'n', attributes: [a, b] }).name;
  assert.equal(name, '1000000000000000000000-<unknown-attribute-type>');
  assert.equal(changed(yaml, { name: 'n', attributes: [a] }).name, 'n');
});

test('parts of a name become attributes, and each rule sees what the one before left', () => {
  const span = changed(rules('^/a/(?P<x>[0-9]+)', '/(?P<y>\\{x\\})/'), { name: '/a/17/b', attributes: [] });
  assert.equal(span.name, '/a/{y}/b');
  assert.deepEqual(textsOf(span), [
    ['x', '17'],
    ['y', '{x}'],
  ]);
});

test('groups that took no part or lie within others leave no mark, where the collector would crash', () => {
  const span = changed(rules('(?P<o>a(?P<i>b))(?P<none>x)?'), { name: '-ab-' });
  assert.equal(span.name, '-{o}-');
  assert.deepEqual(textsOf(span), [
    ['o', 'ab'],
    ['i', 'b'],
    ['none', ''],
  ]);
});

test('status: only an error has a description', () => {
  const before = { name: 'n', status: { code: 2, message: 'old' } };
  assert.deepEqual(changed('status: { code: Ok }', before).status, { code: 1, message: '' });
  const failed = changed('status: { code: Error, description: why }', { name: 'n' }).status;
  assert.deepEqual(failed, { code: 2, message: 'why' });
});

test('a configuration that does nothing, or nothing sensible, is refused', () => {
  const cases: Readonly<Record<string, string>> = {
    '': 'either "from_attributes" or "to_attributes" must be specified in "name:" or "setStatus" must be specified',
    'status: { code: ok }': '"status" must have specified "code" as "Ok" or "Error" or "Unset"',
    'status: { code: Ok, description: x }': '"description" can be specified only for "code" "Error"',
  };
  for (const [yaml, message] of Object.entries(cases)) {
    const error = new Error(`error creating "span" processor: ${message}`);
    assert.throws(() => changed(yaml, {}), error, yaml);
  }
  assert.throws(() => changed(rules('('), {}), new Error('invalid regexp pattern ('));
});
