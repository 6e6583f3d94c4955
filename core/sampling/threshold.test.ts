import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a32, fnv1a32Seed, fnv1a64, startFnv1a64 } from './fnv.ts';
import {
  ALWAYS,
  type Bits56,
  isBelow,
  MAX_RANDOMNESS,
  NEVER,
  probabilityToThreshold,
  readRandomness,
  readThreshold,
  thresholdToProbability,
  traceIdRandomness,
  writeRandomness,
  writeThreshold,
} from './threshold.ts';

function thresholdText(value: Readonly<Bits56> | undefined): string | undefined {
  if (value === undefined) return undefined;
  const buffer = Buffer.alloc(14);
  return buffer.toString('latin1', 0, writeThreshold(value, buffer, 0));
}

function parsed(text: string): Bits56 {
  const value = { high: -1, low: -1 };
  const bytes = Buffer.from(text);
  assert.ok(readThreshold(bytes, 0, bytes.length, value), text);
  return value;
}

/** Probability, digits, and what the collector's sampling package writes. */
const THRESHOLDS: readonly [number, number, string | undefined][] = [
  [1, 4, '0'],
  [0.5, 4, '8'],
  [0.25, 4, 'c'],
  [1 / 3, 1, 'b'],
  [1 / 3, 4, 'aaab'],
  [1 / 3, 14, 'aaaaaaaaaaaaac'],
  [2 / 3, 3, '555'],
  [0.1, 4, 'e666'],
  [0.01, 4, 'fd70a'],
  [0.01, 0, 'fd70a3d70a3d71'],
  [0.99, 4, '028f6'],
  [Number(2n ** 56n - 0x1234567ffffff8n) / 2 ** 56, 13, '1234568'],
  [2 ** -56, 1, 'ffffffffffffff'],
  [2 ** -55, 1, 'fffffffffffffe'],
  [2 ** -57, 4, undefined],
  [1.5, 4, undefined],
  [-1, 4, undefined],
  [Number.NaN, 4, undefined],
];

test('probabilities become thresholds of so many digits', () => {
  for (const [probability, digits, text] of THRESHOLDS) {
    assert.equal(thresholdText(probabilityToThreshold(probability, digits)), text, `${probability} ${digits}`);
  }
});

test('rounding agrees with arithmetic on 64-bit integers', () => {
  const exact = (probability: number, dropped: bigint) => {
    const threshold = 2n ** 56n - BigInt(Math.round(probability * 2 ** 56));
    return dropped === 0n ? threshold : ((threshold + (1n << (dropped - 1n))) >> dropped) << dropped;
  };
  for (let i = 1; i < 500; i++) {
    const probability = (0.0625 + (i / 500) * 0.875) * 0.999;
    for (let digits = 1; digits <= 14; digits++) {
      const found = probabilityToThreshold(probability, digits) as Bits56;
      const value = BigInt(found.high) * 2n ** 28n + BigInt(found.low);
      // between 1/16 and 15/16 no digits are added
      assert.equal(value, exact(probability, BigInt(56 - 4 * digits)), `${probability} ${digits}`);
    }
  }
});

test('thresholds and randomness are read and written as hex', () => {
  for (const text of ['0', '8', '0000000000000f', 'fedcba98765432', '1']) {
    assert.equal(thresholdText(parsed(text)), text);
  }
  assert.equal(thresholdText(parsed('8000')), '8');
  assert.deepEqual(parsed('ABCDEF'), parsed('abcdef'));
  assert.equal(thresholdText(NEVER), '');
  for (const text of ['', '1'.repeat(15), 'xyz', '12 ', '-1']) {
    const bytes = Buffer.from(text);
    assert.equal(readThreshold(bytes, 0, bytes.length, { high: 0, low: 0 }), false, text);
  }
  const digits = Buffer.from('0123456789abcd');
  const value = { high: 0, low: 0 };
  assert.ok(readRandomness(digits, 0, 14, value));
  assert.equal(readRandomness(digits, 0, 13, value), false);
  const written = Buffer.alloc(14);
  assert.equal(writeRandomness(value, written, 0), 14);
  assert.ok(written.equals(digits));
});

test('comparison, and probability of a threshold', () => {
  assert.ok(isBelow(ALWAYS, MAX_RANDOMNESS) && isBelow(MAX_RANDOMNESS, NEVER));
  assert.ok(!isBelow(NEVER, NEVER) && isBelow(parsed('7fffffffffffff'), parsed('8')));
  assert.equal(thresholdToProbability(ALWAYS), 1);
  assert.equal(thresholdToProbability(parsed('c')), 0.25);
  assert.equal(thresholdToProbability(parsed('ffffffffffffff')), 2 ** -56);
});

test('the randomness of a trace id is its last seven bytes', () => {
  const id = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
  const value = { high: 0, low: 0 };
  traceIdRandomness(id, 0, value);
  assert.deepEqual(value, parsed('99aabbccddeeff'));
});

test('FNV-1a', () => {
  const text = Buffer.from('foobar');
  assert.equal(fnv1a32(text, 0, 6), 0xbf9cf968);
  assert.equal(fnv1a32(text, 1, 1), 0x811c9dc5);
  assert.equal(fnv1a32(text, 0, 6, fnv1a32Seed(22)), fnv1a32(Buffer.from('\x16\0\0\0foobar'), 0, 10));
  const hash = new Int32Array(2);
  startFnv1a64(hash);
  fnv1a64(text, 0, 3, hash);
  fnv1a64(text, 3, 6, hash);
  assert.deepEqual([...new Uint32Array(hash.buffer)], [0x85944171, 0xf73967e8]);
});
