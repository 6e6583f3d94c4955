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

/** As applications send it, with a value of each kind. */
const PLAIN: Readonly<Record<Signal, string>> = {
  traces:
    '{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"intValue":"-5"}}]},' +
    '"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",' +
    '"spanId":"eee19b7ec3c1b174","flags":257,"name":"n","kind":2,"startTimeUnixNano":"1544712660000000000",' +
    '"endTimeUnixNano":1544712661000000000,"attributes":[{"key":"b",' +
    '"value":{"arrayValue":{"values":[{"doubleValue":-0.5},{"boolValue":true},{"bytesValue":"AAEC"}]}}}],' +
    '"events":[{"name":"e","timeUnixNano":"1"}],"status":{"code":"STATUS_CODE_ERROR","message":"é"}}]}]}]}',
  metrics:
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"s","sum":{"aggregationTemporality":2,' +
    '"isMonotonic":true,"dataPoints":[{"asInt":"-7","timeUnixNano":"5"}]}},{"name":"x",' +
    '"exponentialHistogram":{"dataPoints":[{"count":"3","scale":-2,"sum":-1.5,"positive":{"offset":-4,' +
    '"bucketCounts":["1",2]}}]}},{"name":"q","summary":{"dataPoints":[{"quantileValues":[{"quantile":0.5,' +
    '"value":-3.25}]}]}},{"name":"h","histogram":{"dataPoints":[{"count":1,"explicitBounds":[-1,0,2.5],' +
    '"bucketCounts":["1",0,0,0],"min":-1,"flags":1}]}}]}]}]}',
  logs:
    '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","observedTimeUnixNano":2,' +
    '"severityNumber":9,"severityText":"INFO","body":{"kvlistValue":{"values":[{"key":"k",' +
    '"value":{"stringValue":"v"}}]}},"attributes":[{"key":"n","value":{"doubleValue":-1e-7}}],"traceId":"",' +
    '"spanId":"EEE19B7EC3C1B174","eventName":"e"}]}]}]}',
};
/** As often as all others together. */
const PLAIN_TIMES = 60;

/** A request in JSON: refused, or a request that means the same however often it is written and read. */
export function jsonTarget(signal: Signal): Target {
  return {
    name: `json-${signal}`,
    seeds() {
      const requests = protobufSeeds(signal).slice(0, 60);
      const plain = Array.from({ length: PLAIN_TIMES }, () => Buffer.from(PLAIN[signal]));
      const others = requests.map((buffer) =>
        encodeJson({ signal, ranges: [{ buffer, start: 0, end: buffer.length }] }),
      );
      return [...plain, ...others];
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
