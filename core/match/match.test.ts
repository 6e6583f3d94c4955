import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../config/read.ts';
import { decodeJson } from '../otlp/json/decode.ts';
import { Groups } from '../otlp/readers/groups.ts';
import { ValueReader } from '../otlp/value.ts';
import { encodeDouble, encodeValue, type PlainValue } from '../otlp/value-encode.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { seededRandom } from '../testing/random-telemetry.ts';
import { BytesMatcher } from './bytes-matcher.ts';
import { matchConfig } from './config.ts';
import { LogMatcher } from './logs.ts';
import { sameValue } from './same-value.ts';
import { SpanMatcher } from './spans.ts';

type Matcher = Pick<SpanMatcher, 'enterResource' | 'enterScope' | 'matches'>;

/** The verdicts on the items of a request, in order. */
function verdicts(matcher: Matcher, signal: 'traces' | 'logs', request: object): boolean[] {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(request)));
  const at = new Groups().open(Telemetry.of(signal, bytes, items));
  const found: boolean[] = [];
  while (at.nextResource()) {
    matcher.enterResource(at);
    while (at.nextScope()) {
      matcher.enterScope(at);
      while (at.nextMember()) found.push(matcher.matches(at.buffer, at.memberStart, at.memberEnd));
    }
  }
  return found;
}

const service = (stringValue: string) => ({ attributes: [{ key: 'service.name', value: { stringValue } }] });
const scoped = (name: string, version = '') => ({ name, version });

const SPANS = {
  resourceSpans: [
    {
      resource: service('shop'),
      scopeSpans: [
        {
          scope: scoped('http', '1.0'),
          spans: [
            { name: 'GET /a', kind: 2 },
            { name: 'GET /b', kind: 3 },
          ],
        },
        { scope: scoped('db'), spans: [{ name: 'SELECT', kind: 99 }] },
      ],
    },
    { scopeSpans: [{ spans: [{ name: '' }] }] },
  ],
};

test('spans are matched by service, scope, name and kind, all of them', () => {
  const cases: Readonly<Record<string, readonly boolean[]>> = {
    'include: { match_type: strict, services: [shop] }': [true, true, true, false],
    'include: { match_type: regexp, services: [nil] }': [false, false, false, true],
    'exclude: { match_type: strict, services: [shop] }': [false, false, false, true],
    'include: { match_type: strict, libraries: [{ name: http, version: "1.0" }] }': [true, true, false, false],
    'include: { match_type: strict, libraries: [{ name: db, version: "" }] }': [false, false, true, false],
    'include: { match_type: strict, libraries: [{ name: http }, { name: db }] }': [false, false, false, false],
    'include: { match_type: strict, span_names: ["", "GET /a"] }': [true, false, false, true],
    'include: { match_type: strict, span_kinds: [SPAN_KIND_SERVER] }': [true, false, false, false],
    'include: { match_type: regexp, span_kinds: ["^$", UNSPECIFIED] }': [false, false, true, true],
    'include: { match_type: regexp, span_names: ["^GET"], services: ["^s"], span_kinds: [CLIENT] }': [
      ...[false, true, false, false],
    ],
  };
  for (const [yaml, expected] of Object.entries(cases)) {
    assert.deepEqual(verdicts(new SpanMatcher(readYaml(matchConfig, yaml)), 'traces', SPANS), expected, yaml);
  }
});

test('log records are matched by body, severity and attributes', () => {
  const logRecords = [
    { severityNumber: 9, severityText: 'INFO', body: { stringValue: 'paid' } },
    { severityNumber: 17, body: { intValue: '42' }, attributes: [{ key: 'k', value: { doubleValue: 1e21 } }] },
    {},
  ];
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords }] }] };
  const cases: Readonly<Record<string, readonly boolean[]>> = {
    'include: { match_type: strict, log_bodies: [paid, "42"] }': [true, true, false],
    'include: { match_type: strict, log_bodies: [""] }': [false, false, true],
    'include: { match_type: regexp, log_severity_texts: ["(?i)info"] }': [true, false, false],
    'include: { match_type: strict, log_severity_number: { min: 10 } }': [false, true, false],
    'include: { match_type: strict, log_severity_number: { min: 10, match_undefined: true } }': [false, true, true],
    'include: { match_type: regexp, attributes: [{ key: k, value: "^10{21}$" }] }': [false, true, false],
    'exclude: { match_type: strict, attributes: [{ key: k }] }': [true, false, true],
  };
  for (const [yaml, expected] of Object.entries(cases)) {
    assert.deepEqual(verdicts(new LogMatcher(readYaml(matchConfig, yaml)), 'logs', request), expected, yaml);
  }
});

test('values are the same only with the same type; maps in any order, lists in theirs', () => {
  const read = (encoded: Buffer) => new ValueReader().read(encoded, 0, encoded.length);
  const same = (a: PlainValue, b: PlainValue) => sameValue(read(encodeValue(a)), read(encodeValue(b)));
  assert.equal(same({ a: 1, b: ['x'] }, { b: ['x'], a: 1 }), true);
  assert.equal(same({ a: 1 }, { a: 1, b: 2 }), false);
  assert.equal(same(['a', 'b'], ['b', 'a']), false);
  assert.equal(same(1, '1'), false);
  assert.equal(same(Buffer.from('a'), 'a'), false);
  assert.equal(same(null, null), true);
  assert.equal(sameValue(read(encodeDouble(1)), read(encodeValue(1))), false);
  assert.equal(sameValue(read(encodeDouble(0)), read(encodeDouble(-0))), true);
});

test('verdicts that are kept are those of the text, whatever else is asked', () => {
  let asked = 0;
  const matcher = new BytesMatcher((text) => {
    asked++;
    return text.endsWith('7');
  });
  const random = seededRandom(3);
  // long texts, the empty one, and far more than are kept
  for (let i = 0; i < 20_000; i++) {
    const text = 'é'.repeat(random() * 40) + Math.floor(random() * (i % 3 === 0 ? 10 : 5_000));
    const bytes = Buffer.from(`<${text}>`);
    assert.equal(matcher.test(bytes, 1, bytes.length - 1), text.endsWith('7'));
  }
  assert.equal(matcher.test(Buffer.alloc(3), 1, 1), false);
  const before = asked;
  const name = Buffer.from('GET /7');
  for (let i = 0; i < 100; i++) assert.equal(matcher.test(name, 0, name.length), true);
  assert.equal(asked, before + 1);
});
