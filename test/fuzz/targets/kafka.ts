import assert from 'node:assert/strict';
import { scan } from '../../../core/otlp/scan/scan.ts';
import { SIGNALS } from '../../../core/signal.ts';
import { EMPTY_CONTEXT } from '../../../core/telemetry/context.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { type Decode, decoderOf } from '../../../receivers/kafka/decode.ts';
import type { Target } from '../engine.ts';
import { mutateTokens } from '../mutate-tokens.ts';
import { protobufSeeds } from './protobuf.ts';

const ENCODINGS = ['raw', 'json', 'events_json', 'text', 'text_utf-16', 'text_shift_jis', 'otlp_proto', 'otlp_json'];
const DECODERS: readonly Decode[] = SIGNALS.flatMap((signal) =>
  (signal === 'logs' ? ENCODINGS : ENCODINGS.slice(-2)).map((encoding) => decoderOf(signal, encoding)),
);
const SEEDS = [
  '{"eventType":"a","timestamp":"2020-01-01T00:00:00.5Z","traceId":"5b8efff798038103d269b633813fc60c","n":1}',
  '{"a":[1,{"b":null}],"c":"é","d":true,"":{}}',
  '{"a":[[[[[[{"a":{}}]]]]]]}',
  '"text"',
  'plain',
];
const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  'true',
  '"a"',
  '"\\u0000"',
  '"\\ud800"',
  '{"a":',
  '[[[[[[',
  ']]]]]]',
  '\xff',
  '\0',
];

/** The value of a record, read in every way: what comes out is a request that the scan takes. */
export const kafkaRecord: Target = {
  name: 'kafka-record',
  seeds: () => [...SEEDS.map((text) => Buffer.from(text)), ...protobufSeeds('logs').slice(0, 5)],
  mutate(input, random, pool) {
    // as deep as a record gets
    if (random.chance(0.02)) return Buffer.from(`{"a":${'['.repeat(random.below(4000))}`);
    if (random.chance(0.02)) {
      const depth = random.below(4000);
      return Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    }
    return mutateTokens(/"(?:[^"\\\n]|\\.)*"|[A-Za-z]+|[0-9.eE+-]+|\s+|[^\s]/g, WORDS)(input, random, pool);
  },
  check(input) {
    let taken = false;
    for (const decode of DECODERS) {
      const batch = decoded(decode, input);
      if (batch === undefined) continue;
      taken = true;
      let items = 0;
      for (const { buffer, start, end } of batch.ranges) items += scan(batch.signal, buffer, start, end);
      assert.equal(items, batch.items, 'items');
      batch.release();
    }
    return taken;
  },
};

/** A record that cannot be read is an error of any kind, but not one of the language's own limits. */
function decoded(decode: Decode, value: Buffer): Telemetry | undefined {
  try {
    return decode({ offset: 1n, timestamp: 1_700_000_000_000, key: undefined, value, headers: [] }, EMPTY_CONTEXT);
  } catch (error) {
    if (error instanceof RangeError || !(error instanceof Error)) throw error;
    return undefined;
  }
}
