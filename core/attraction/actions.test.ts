import assert from 'node:assert/strict';
import { test } from 'node:test';
import { struct } from '../config/fields.ts';
import { readYaml } from '../config/read.ts';
import { Rewriter } from '../otlp/edit/rewriter.ts';
import { decodeJson } from '../otlp/json/decode.ts';
import { encodeJson } from '../otlp/json/encode.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../telemetry/context.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { TestLogger } from '../testing/settings.ts';
import { AttributeActions } from './actions.ts';
import { actions } from './config.ts';

const section = struct('test.Config', 'Actions.', { actions: actions('The actions.') });

function compile(yaml: string): AttributeActions {
  return new AttributeActions(readYaml(section, `actions:\n${yaml}`).actions, new TestLogger());
}

/** OTLP/JSON of a span's attributes after the actions. */
function applied(yaml: string, attributes: readonly unknown[], context: RequestContext = EMPTY_CONTEXT): unknown[] {
  const compiled = compile(yaml);
  const request = { resourceSpans: [{ scopeSpans: [{ spans: [{ attributes }] }] }] };
  const { bytes } = decodeJson('traces', Buffer.from(JSON.stringify(request)));
  compiled.begin(context);
  const rewriter = new Rewriter({
    span(span) {
      compiled.apply(span.attributes);
      return true;
    },
  });
  const json = JSON.parse(encodeJson(rewriter.rewrite(Telemetry.of('traces', bytes, 1))).toString());
  return json.resourceSpans[0].scopeSpans[0].spans[0].attributes ?? [];
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

test('what an action lacks or has too much is refused in the words of the collector', () => {
  const named = 'error with key "k" (0-th action): error creating AttrProc';
  const cases: Readonly<Record<string, string>> = {
    '{ action: insert }': 'error creating AttrProc due to missing required field "key" at the 0-th action',
    '{ action: hash }':
      'error creating AttrProc due to missing required field (at least one of "key" and "pattern" have to be used) ' +
      'at the 0-th action',
    '{ key: k, action: explode }': `${named} due to unsupported action "explode"`,
    '{ key: k, action: insert }': `${named}. Either field "value", "from_attribute", "from_context", or "default_value" must be specified`,
    '{ key: k, action: upsert, value: 1, from_context: x }': `${named} due to multiple value sources being set`,
    '{ key: k, action: update, value: 1, pattern: x }': `${named}. Action "update" does not use the "pattern" field. This must not be specified`,
    '{ key: k, action: delete, value: 1 }': `${named}. Action "delete" does not use "value" or "from_attribute" field. These must not be specified`,
    '{ key: k, action: hash, pattern: "(" }': `${named}. Field "pattern" has invalid pattern: "("`,
    '{ key: k, action: extract }': `${named} due to missing required field "pattern" for action "extract"`,
    '{ key: k, action: extract, pattern: x }': `${named}. Field "pattern" contains no named matcher groups`,
    '{ key: k, action: extract, pattern: "(?P<a>x)(y)" }': `${named}. Field "pattern" contains at least one unnamed matcher group`,
    '{ key: k, action: extract, value: 1 }': `${named}. Action "extract" does not use a value source field. These must not be specified`,
    '{ key: k, action: convert }': `${named} due to missing required field "converted_type" for action "convert"`,
    '{ key: k, action: convert, converted_type: bool }': `${named} due to invalid value "bool" in field "converted_type" for action "convert"`,
    '{ key: k, action: convert, pattern: x }': `${named}. Action "convert" does not use value sources or "pattern" field. These must not be specified`,
  };
  for (const [action, message] of Object.entries(cases)) {
    assert.throws(() => compile(`  - ${action}`), new Error(message), action);
  }
});

test('insert adds, update changes, upsert does both; a value keeps the type it has in YAML', () => {
  const yaml = `
  - { key: a, value: new, action: INSERT }
  - { key: b, value: 1, action: insert }
  - { key: b, value: 1.0, action: update }
  - { key: c, value: x, action: update }
  - { key: c, value: [1, { d: null }], action: upsert }`;
  assert.deepEqual(applied(yaml, [text('a', 'old')]), [
    text('a', 'old'),
    { key: 'b', value: { doubleValue: 1 } },
    {
      key: 'c',
      value: {
        arrayValue: { values: [{ intValue: '1' }, { kvlistValue: { values: [{ key: 'd', value: {} }] } }] },
      },
    },
  ]);
});

test('values of the request: several are joined, what is missing gives the default or nothing', () => {
  const yaml = `
  - { key: tenant, from_context: metadata.X-Tenant, action: insert }
  - { key: bare, from_context: x-tenant, action: insert }
  - { key: address, from_context: client.address, action: insert }
  - { key: subject, from_context: auth.subject, action: insert }
  - { key: none, from_context: metadata.absent, action: insert }
  - { key: fallback, from_context: auth.absent, default_value: d, action: insert }`;
  const context: RequestContext = {
    transport: 'http',
    metadata: new Map([['x-tenant', ['a', 'b']]]),
    address: '10.0.0.1',
    auth: new Map([['subject', 'bob']]),
  };
  assert.deepEqual(applied(yaml, [], context), [
    text('tenant', 'a;b'),
    text('bare', 'a;b'),
    text('address', '10.0.0.1'),
    text('subject', 'bob'),
    text('fallback', 'd'),
  ]);
});

test('of several attributes with one key the first is meant, and patterns mean all', () => {
  const attributes = [text('k', '1'), text('k', '2'), { value: { stringValue: 'empty' } }, text('other', '3')];
  assert.deepEqual(applied('  - { key: k, action: delete }', attributes), attributes.slice(1));
  assert.deepEqual(applied('  - { key: k, value: x, action: upsert }', attributes)[0], text('k', 'x'));
  // a pattern alone leaves the key empty, and an attribute with the empty key is deleted with it, as in the collector
  assert.deepEqual(applied('  - { pattern: k, action: delete }', attributes), attributes.slice(3));
});

test('a hash of what has no bytes is the empty text; key and pattern together hash twice', () => {
  const attributes = [
    { key: 'list', value: { arrayValue: { values: [] } } },
    { key: 'none', value: {} },
  ];
  const hashed = applied('  - { pattern: ".", action: hash }', attributes);
  assert.deepEqual(hashed, [text('list', ''), text('none', '')]);
  const once = applied('  - { key: a, action: hash }', [text('a', 'x')]) as ReturnType<typeof text>[];
  const twice = applied('  - { key: a, pattern: a, action: hash }', [text('a', 'x')]);
  assert.equal(once[0]?.value.stringValue, '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881');
  assert.deepEqual(twice, applied('  - { key: a, action: hash }', once));
});

test('extract changes nothing where the text does not match or is none', () => {
  const yaml = '  - { key: a, pattern: "^(?P<b>[0-9]+)(?P<c>x)?", action: extract }';
  assert.deepEqual(applied(yaml, [text('a', '12'), text('c', 'old')]), [
    text('a', '12'),
    text('c', ''),
    text('b', '12'),
  ]);
  for (const value of [{ stringValue: 'no' }, { intValue: '12' }, {}]) {
    assert.deepEqual(applied(yaml, [{ key: 'a', value }]), [{ key: 'a', value }]);
  }
});

test('what cannot be converted stays as it is', () => {
  const bytes = { key: 'a', value: { bytesValue: 'AAE=' } };
  const toInt = '  - { key: a, converted_type: int, action: convert }';
  for (const entry of [bytes, text('a', '1.5'), text('a', ''), text('a', '9223372036854775808')]) {
    assert.deepEqual(applied(toInt, [entry]), [entry]);
  }
  assert.deepEqual(applied(toInt, [text('a', '-7')]), [{ key: 'a', value: { intValue: '-7' } }]);
});
