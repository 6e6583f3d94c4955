import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  next,
  readFixed64AsNumber,
  readInt32,
  readSint32,
  readVarint,
  readVarint64,
  skipField,
  varintSize,
  writeVarint,
  writeVarint64,
} from './wire.ts';

const buffer = Buffer.alloc(16, 0xff);

test('varints up to 2^53 in as many bytes as they need', () => {
  for (let exponent = 0; exponent <= 53; exponent++) {
    for (const value of [2 ** exponent - 1, 2 ** exponent]) {
      const end = writeVarint(buffer, 0, value);
      assert.equal(end, varintSize(value), `${value}`);
      assert.equal(end, Math.max(1, Math.ceil(value.toString(2).length / 7)), `${value}`);
      assert.equal(readVarint(buffer, 0), value);
      assert.equal(next, end);
    }
  }
});

test('64 bits, signed and unsigned', () => {
  for (let bit = 0n; bit < 64n; bit++) {
    for (const value of [1n << bit, (1n << bit) - 1n, (1n << 64n) - (1n << bit)]) {
      const end = writeVarint64(buffer, 0, value);
      assert.equal(readVarint64(buffer, 0), value);
      assert.equal(next, end);
    }
  }
  assert.equal(writeVarint64(buffer, 0, -1n), 10);
  assert.equal(BigInt.asIntN(64, readVarint64(buffer, 0)), -1n);
  assert.equal(readInt32(buffer, 0), -1);
  buffer.writeBigUInt64LE(2n ** 53n - 1n);
  assert.equal(readFixed64AsNumber(buffer, 0), 2 ** 53 - 1);
});

test('zigzag', () => {
  for (const [value, coded] of [
    [0, 0],
    [-1, 1],
    [1, 2],
    [2 ** 31 - 1, 2 ** 32 - 2],
    [-(2 ** 31), 2 ** 32 - 1],
  ] as const) {
    writeVarint(buffer, 0, coded);
    assert.equal(readSint32(buffer, 0), value);
  }
});

test('fields of every wire type are stepped over, however their numbers are written', () => {
  for (const field of [
    [0x08, 0x96, 0x01],
    [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
    [0x0a, 3, 1, 2, 3],
    [0x8a, 0x00, 0x81, 0x00, 9],
    [0x0d, 1, 2, 3, 4],
    [0xf8, 0x3f, 1],
  ]) {
    assert.equal(skipField(Buffer.from([...field, 0xff]), 0), field.length);
  }
  const long = Buffer.concat([Buffer.from([0x0a, 0xac, 0x02]), Buffer.alloc(300)]);
  assert.equal(skipField(long, 0), 303);
});
