import assert from 'node:assert/strict';
import { ConnectionError } from '../../../core/http2/frames.ts';
import { HpackDecoder } from '../../../core/http2/hpack-decoder.ts';
import { encodeHeaders } from '../../../core/http2/hpack-encoder.ts';
import type { Random } from '../../differential/random.ts';
import type { Target } from '../engine.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { ReferenceHpack } from '../reference-hpack.ts';

const MAX_LIST = 1 << 20;
/** Cuts an input into the header blocks of one connection. */
const NEXT_BLOCK = Buffer.from([0xff, 0xff, 0xff, 0x7f, 0x55]);

const FIELDS: readonly (readonly [string, string])[] = [
  [':method', 'POST'],
  [':path', '/opentelemetry.proto.collector.trace.v1.TraceService/Export'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
  ['x-tenant', 'a'],
  ['grpc-timeout', '10S'],
];
/** Appendix C of RFC 7541: with and without Huffman codes, table and evictions in use. */
const EXAMPLES = [
  '828684410f7777772e6578616d706c652e636f6d',
  '828684be58086e6f2d6361636865',
  '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
  '828684418cf1e3c2e5f23a6ba0ab90f4ff',
  '828684be5886a8eb10649cbf',
  '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
  '4883640effc1c0bf',
  '3fe11f',
  '20',
  '3f01',
  '100870617373776f726406736563726574',
  '040c2f73616d706c652f70617468',
].map((hex) => Buffer.from(hex, 'hex'));

/** Header blocks of one connection, held against a decoder written only to be right. */
export const hpack: Target = {
  name: 'hpack',
  seeds: () => [
    ...EXAMPLES,
    encodeHeaders(FIELDS),
    Buffer.concat(EXAMPLES.slice(0, 3).flatMap((block) => [block, NEXT_BLOCK])),
    Buffer.concat(EXAMPLES.slice(3, 9).flatMap((block) => [block, NEXT_BLOCK])),
  ],
  mutate(input: Buffer, random: Random, pool: readonly Buffer[]) {
    const changed = mutateBytes(input, random, pool);
    return random.chance(0.3) ? Buffer.concat([changed, NEXT_BLOCK, random.pick(pool)]) : changed;
  },
  check(input) {
    const ours = new HpackDecoder(MAX_LIST);
    const reference = new ReferenceHpack();
    let taken = false;
    for (let at = 0; at <= input.length; ) {
      const found = input.indexOf(NEXT_BLOCK, at);
      const end = found < 0 ? input.length : found;
      const block = input.subarray(at, end);
      const fields = decoded(() =>
        ours.decode(block, 0, block.length).map(({ name, value }) => [name, value] as const),
      );
      assert.deepEqual(fields, reference.decode(block), 'fields');
      if (fields === undefined) break;
      taken = true;
      at = end + NEXT_BLOCK.length;
    }
    return taken;
  },
};

type Pairs = readonly (readonly [string, string])[];

function decoded(run: () => Pairs): Pairs | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof ConnectionError) return undefined;
    throw error;
  }
}
