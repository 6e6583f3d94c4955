import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Signal } from '../../signal.ts';
import { decodeJson } from './decode.ts';
import { encodeJson } from './encode.ts';
import { JsonError } from './error.ts';

interface Position {
  readonly name: string;
  readonly signal: Signal;
  readonly template: string;
  readonly head: string;
  readonly tail: string;
  readonly accepted: Readonly<Record<string, string>>;
}

const file = new URL('testdata/recorded.json', import.meta.url);
const { tokens, positions } = JSON.parse(readFileSync(file, 'utf8')) as { tokens: string[]; positions: Position[] };

/** What is printed for a body; undefined when it is refused. */
function print(signal: Signal, body: string): string | undefined {
  try {
    const { bytes } = decodeJson(signal, Buffer.from(body));
    return encodeJson({ signal, ranges: [{ buffer: bytes, start: 0, end: bytes.length }] }).toString();
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

for (const { name, signal, template, head, tail, accepted } of positions) {
  test(`as ${name}: accepted, refused and printed as recorded from the collector`, () => {
    for (const token of tokens) {
      const body = template.replace('@', () => token);
      const middle = accepted[token];
      assert.equal(print(signal, body), middle === undefined ? undefined : head + middle + tail, body);
    }
  });
}

test('on purpose: hexadecimal floats and escapes in numbers are refused, a misspelt name is not needed', () => {
  const value = (text: string) => `{"resourceSpans":[{"resource":{"attributes":[{"value":{${text}}}]}}]}`;
  assert.equal(print('traces', value('"doubleValue":"0x1p-2"')), undefined);
  assert.equal(print('traces', value('"intValue":"\\u0031"')), undefined);
  const record = (severity: string) =>
    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":${severity}}]}]}]}`;
  for (const name of ['"SEVERITY_NUMBER_TRACE"', '"SEVERITY_NUMBER_TRACE "']) {
    assert.match(print('logs', record(name)) ?? '', /"severityNumber":1,/);
  }
});

test('dropped scope groups are kept where there are no others', () => {
  const group = (text: string) => `{"resourceLogs":[{${text}}]}`;
  const old = '"deprecatedScopeLogs":[{"scope":{"name":"old"},"logRecords":[{},{}]}]';
  const current = '"scopeLogs":[{"scope":{"name":"new"},"logRecords":[{}]}]';
  assert.equal(decodeJson('logs', Buffer.from(group(old))).items, 2);
  assert.match(print('logs', group(old)) ?? '', /"scopeLogs":\[\{"scope":\{"name":"old"\}/);
  for (const both of [`${old},${current}`, `${current},${old}`]) {
    assert.equal(decodeJson('logs', Buffer.from(group(both))).items, 1);
    assert.equal(print('logs', group(both)), print('logs', group(current)));
  }
});
