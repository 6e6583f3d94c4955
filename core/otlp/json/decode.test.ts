import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNALS, type Signal } from '../../signal.ts';
import { randomRequest, seededRandom } from '../../testing/random-telemetry.ts';
import { scan } from '../scan/scan.ts';
import { decodeJson } from './decode.ts';
import { encodeJson } from './encode.ts';
import { JsonError } from './error.ts';

const jsonOf = (signal: Signal, seed: number): Buffer => print(signal, randomRequest(signal, seed));

function print(signal: Signal, bytes: Buffer): Buffer {
  return encodeJson({ signal, ranges: [{ buffer: bytes, start: 0, end: bytes.length }] });
}

function errorOf(body: string): JsonError {
  try {
    decodeJson('traces', Buffer.from(body));
  } catch (error) {
    assert.ok(error instanceof JsonError);
    return error;
  }
  throw new Error(`accepted: ${body}`);
}

test('errors say what was found, in which field, and where', () => {
  const span = (text: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"name":"a"},{${text}}]}]}]}`;
  // @ marks the place
  const cases: [string, string][] = [
    ['"name":@1', 'expected a string, found 1 at PATH.name'],
    ['"flags": @null', 'expected a number or a string of digits, found null at PATH.flags'],
    ['"startTimeUnixNano":1@.5', 'expected an integer, found a fraction at PATH.startTimeUnixNano'],
    ['"kind":@"SERVER"', 'unknown name "SERVER" at PATH.kind'],
    ['"traceId":"@abc"', 'expected 32 hex digits, found 3 characters at PATH.traceId'],
    ['"spanId":"00112233445566@zz"', 'expected a hex digit at PATH.spanId'],
    ['"attributes":@{}', 'expected a list, found { at PATH.attributes'],
    ['"attributes":[{},{"key":@5}]', 'expected a string, found 5 at PATH.attributes[1].key'],
    ['"attributes":[{} @{}]', 'expected a comma or ], found { at PATH.attributes[0]'],
    ['"name":"a" @"kind":1', 'expected a comma or }, found a string at PATH.name'],
    ['"name":"@\u0001"', 'control character 0x01 in a string at PATH.name'],
    ['"future":[1,@}', 'expected a value, found } at PATH'],
  ];
  for (const [text, message] of cases) {
    const marked = span(text);
    const where = ` (line 1, column ${marked.indexOf('@') + 1})`;
    const expected = message.replace('PATH', 'resourceSpans[0].scopeSpans[0].spans[2]') + where;
    assert.equal(errorOf(marked.replace('@', '')).message, expected);
  }
  const { offset, line, column, path: field } = errorOf('{"resourceSpans":\n[5]}');
  assert.deepEqual({ offset, line, column, field }, { offset: 19, line: 2, column: 2, field: 'resourceSpans[0]' });
});

test('nothing and less than a request are refused', () => {
  for (const body of ['', ' ', '{', '[', '"', '{"', '{"a', '{"a"', '{"a":', '{"a":1', '{"resourceSpans":[']) {
    assert.match(errorOf(body).message, /^(unexpected end of input|expected an object)/, body);
  }
});

test('counts items, and those only that are there in the end', () => {
  const items = (signal: Signal, body: string) => decodeJson(signal, Buffer.from(body)).items;
  assert.equal(items('traces', '{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]},{"spans":[null]}]},{}]}'), 3);
  const metric = (text: string) => `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{${text}}]}]}]}`;
  assert.equal(items('metrics', metric('"sum":{"dataPoints":[{},{}]}')), 2);
  assert.equal(items('metrics', metric('"sum":{"dataPoints":[{},{}]},"gauge":{"dataPoints":[{}]}')), 1);
  for (const signal of SIGNALS) {
    for (let seed = 0; seed < 50; seed++) {
      const bytes = randomRequest(signal, seed);
      assert.equal(decodeJson(signal, print(signal, bytes)).items, scan(signal, bytes, 0, bytes.length));
    }
  }
});

test('memory of a result is used again only when it was released', () => {
  const body = jsonOf('logs', 1);
  const buffers = new Set<Buffer>();
  for (let i = 0; i < 2000; i++) {
    const { range } = decodeJson('logs', body);
    buffers.add(range.buffer);
    assert.deepEqual(range.buffer.subarray(range.start, range.end), decodeJson('logs', body).bytes);
    range.slab?.release();
  }
  assert.ok(buffers.size > 1);
});

test('the result stays when more is decoded', () => {
  const first = decodeJson('logs', jsonOf('logs', 1)).bytes;
  const copy = Buffer.from(first);
  for (let seed = 2; seed < 20; seed++) decodeJson('logs', jsonOf('logs', seed));
  assert.deepEqual(first, copy);
});

test('small numbers that become eight bytes each, in a body larger than what is kept for decoding', () => {
  const counts = new Array(600_000).fill(1);
  const point = { count: 1, bucketCounts: counts };
  const body = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ histogram: { dataPoints: [point] } }] }] }] };
  const { bytes, items } = decodeJson('metrics', Buffer.from(JSON.stringify(body)));
  assert.equal(items, 1);
  assert.ok(bytes.length > 8 * counts.length);
  assert.equal(scan('metrics', bytes, 0, bytes.length), 1);
});

test('fields that take more in binary than in JSON, in a body of which nothing else does', () => {
  const again = '"max":1,'.repeat(1_200_000);
  const body = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{${again}"min":2}]}}]}]}]}`;
  const { bytes } = decodeJson('metrics', Buffer.from(body));
  assert.match(print('metrics', bytes).toString(), /"dataPoints":\[\{"min":2,"max":1\}\]/);
});

test('deep nesting is passed through, refused or passed over, and never ends the process', () => {
  const nested = (levels: number) =>
    `{"resourceLogs":[{"resource":{"attributes":[{"value":${'{"arrayValue":{"values":['.repeat(levels)}` +
    `${']}}'.repeat(levels)}}]}}]}`;
  const body = Buffer.from(nested(400));
  const { bytes } = decodeJson('logs', body);
  assert.equal(print('logs', bytes).toString().split('arrayValue').length, 401);
  assert.throws(() => decodeJson('logs', Buffer.from(nested(600))), /more than 1000 levels of messages/);
  assert.throws(() => decodeJson('logs', Buffer.from(nested(100_000))), JsonError);
  const unknown = (levels: number) => `{"a":${'[{"b":'.repeat(levels)}1${'}]'.repeat(levels)}}`;
  assert.equal(decodeJson('logs', Buffer.from(unknown(5000))).bytes.length, 0);
  assert.throws(() => decodeJson('logs', Buffer.from(unknown(5001))), /more than 10000 levels/);
  assert.throws(() => decodeJson('logs', Buffer.from(`{"a":${'['.repeat(1 << 20)}`)), JsonError);
  assert.throws(() => decodeJson('logs', Buffer.from('{"resourceLogs":['.repeat(1 << 18))), JsonError);
});

test('bodies made to keep us busy are refused or read in time', () => {
  const text = 'x'.repeat(2 << 20);
  const wrap = (value: string) => `{"resourceLogs":[{"resource":{"attributes":[{"value":{${value}}}]}}]}`;
  const nested = (open: string, close: string, levels: number) =>
    wrap(`${open.repeat(levels)}"stringValue":"${text}"${close.repeat(levels)}`);
  const twice = nested('"kvlistValue":{"values":[{"key":"","key":"","value":{', '}}]}', 300);
  assert.throws(() => decodeJson('logs', Buffer.from(twice)), /too many levels of large messages/);
  const base64 = 'AQID'.repeat(1 << 20);
  assert.ok(decodeJson('logs', Buffer.from(wrap(`"bytesValue":"${base64}"`))).bytes.length > 3 << 20);
  const bad = [
    `"bytesValue":"${base64}*"`,
    `"doubleValue":"${'1'.repeat(1 << 22)}x"`,
    `"doubleValue":${'1'.repeat(1 << 22)}x`,
  ];
  for (const value of bad) assert.throws(() => decodeJson('logs', Buffer.from(wrap(value))), JsonError);
  const resources = '"resource":{"attributes":[{"key":"a"}]},'.repeat(50_000);
  const { bytes } = decodeJson('logs', Buffer.from(`{"resourceLogs":[{${resources}"schemaUrl":""}]}`));
  assert.equal(print('logs', bytes).toString().split('"a"').length, 50_001);
});

test('a body cut off anywhere is refused', () => {
  for (const signal of SIGNALS) {
    const body = jsonOf(signal, 3);
    for (let end = 0; end < body.length; end += body.length > 20_000 ? 7 : 1) {
      assert.throws(() => decodeJson(signal, body.subarray(0, end)), JsonError, `${signal} ${end}`);
    }
  }
});

const MUTATIONS = 24_000;
const SPICE = [
  'null',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u',
  'd800',
  '-',
  '.',
  'e',
  '0',
  '9',
  ' ',
  '\n',
  '\0',
  'é',
];

/** A few bytes replaced, put in or left out. */
function mutate(body: Buffer, random: () => number): Buffer {
  let text = body.toString('latin1');
  for (let i = 1 + Math.floor(random() * 4); i > 0; i--) {
    const at = Math.floor(random() * text.length);
    const spice = SPICE[Math.floor(random() * SPICE.length)] as string;
    const cut = random() < 0.2 ? Math.floor(random() * 40) : Math.floor(random() * 3);
    text = text.slice(0, at) + (random() < 0.8 ? spice : '') + text.slice(at + cut);
  }
  return Buffer.from(text, 'latin1');
}

test('whatever is done to a body, it is refused or what was read is sound and reads the same again', () => {
  const random = seededRandom(20240607);
  const bodies = SIGNALS.flatMap((signal) => {
    const all = Array.from({ length: 40 }, (_, seed) => ({ signal, body: jsonOf(signal, seed) }));
    return all.filter(({ body }) => body.length < 2500);
  });
  let accepted = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const { signal, body } = bodies[i % bodies.length] as (typeof bodies)[number];
    const mutated = mutate(body, random);
    let decoded: ReturnType<typeof decodeJson>;
    try {
      decoded = decodeJson(signal, mutated);
    } catch (error) {
      assert.ok(error instanceof JsonError, `${error}\n${mutated.toString()}`);
      continue;
    }
    accepted++;
    const { bytes, items } = decoded;
    assert.equal(scan(signal, bytes, 0, bytes.length), items, mutated.toString());
    const printed = print(signal, bytes);
    assert.deepEqual(print(signal, decodeJson(signal, printed).bytes), printed, mutated.toString());
  }
  assert.ok(accepted > MUTATIONS / 100, `${accepted} of ${MUTATIONS} accepted: the mutations are too rough`);
});
