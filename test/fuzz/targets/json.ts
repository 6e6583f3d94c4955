import assert from 'node:assert/strict';
import { decodeJson } from '../../../core/otlp/json/decode.ts';
import { encodeJson } from '../../../core/otlp/json/encode.ts';
import { JsonError } from '../../../core/otlp/json/error.ts';
import { scan } from '../../../core/otlp/scan/scan.ts';
import { EXPORT_REQUEST } from '../../../core/otlp/schema.ts';
import { decodeTree } from '../../../core/otlp/tree.ts';
import type { Signal } from '../../../core/signal.ts';
import type { Target } from '../engine.ts';
import { mutateTokens } from '../mutate-tokens.ts';
import { referenceJson } from '../reference-json.ts';
import { protobufSeeds } from './protobuf.ts';

const TOKENS = /"(?:[^"\\\n]|\\.)*"|[A-Za-z]+|-?[0-9][0-9.eE+-]*|\s+|[^\s]/g;
const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  'true',
  'false',
  '""',
  '"a"',
  '"\\u0041"',
  '"\\ud83d\\ude42"',
  '"\\ud800"',
  '"\\"',
  '"\0"',
  '\n',
  '"NaN"',
  '"Infinity"',
  '"1"',
  '"-1"',
  '"1e3"',
  '"AAAA"',
  '"AA=="',
  '"a"',
  '{}',
  '[]',
  '[{}]',
  '[null]',
  '{"":1}',
  '"key"',
  '"value"',
  '"x":1,',
  '"stringValue"',
  '"intValue"',
  '"arrayValue"',
  '"values"',
  '"kvlistValue"',
  '"bytesValue"',
  '"doubleValue"',
  '"attributes"',
  '"traceId"',
  '"start_time_unix_nano"',
  '"5b8efff798038103d269b633813fc60c"',
  '"eee19b7ec3c1b174"',
  '"SPAN_KIND_SERVER"',
  '\xff',
  '"\xc3\x28"',
  '/*x*/',
  '{"arrayValue":{"values":[',
  '{"a":',
  '[[[[[[[[',
  ']]]]]]]]',
];

/** A request in JSON: refused, or a request that means the same however often it is written and read. */
export function jsonTarget(signal: Signal): Target {
  return {
    name: `json-${signal}`,
    seeds() {
      const requests = protobufSeeds(signal).slice(0, 60);
      return requests.map((buffer) => encodeJson({ signal, ranges: [{ buffer, start: 0, end: buffer.length }] }));
    },
    mutate: mutateTokens(TOKENS, WORDS),
    check(input) {
      const expected = referenceJson(EXPORT_REQUEST[signal], input);
      const first = decoded(signal, input);
      if (first === undefined) {
        assert.ok(typeof expected !== 'object', 'refused what the reference takes');
        return false;
      }
      assert.notEqual(expected, 'refused', 'took what the reference refuses');
      const { range, items } = first;
      assert.equal(scan(signal, range.buffer, range.start, range.end), items, 'items');
      if (typeof expected === 'object') assert.deepEqual(decodeTree(signal, { ranges: [range] }), expected, 'values');
      const json = encodeJson({ signal, ranges: [range] });
      const second = decodeJson(signal, json);
      assert.equal(second.items, items, 'items after JSON');
      assert.deepEqual(encodeJson({ signal, ranges: [second.range] }), json, 'JSON of what was read from JSON');
      range.slab?.release();
      second.range.slab?.release();
      return true;
    },
  };
}

function decoded(signal: Signal, input: Buffer): ReturnType<typeof decodeJson> | undefined {
  try {
    return decodeJson(signal, input);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}
