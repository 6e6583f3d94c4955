import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StateReader, StateWriter } from './codec.ts';

function write(writer: StateWriter): Buffer {
  return writer
    .uint32(0xffff_ffff)
    .uint64(0xffff_ffff_ffff_fffen)
    .double(-0)
    .double(Number.NaN)
    .double(Number.NEGATIVE_INFINITY)
    .bool(true)
    .bool(false)
    .bytes(Buffer.from([1, 2, 3]))
    .text('Zürich 🙂')
    .text('')
    .doubles(new Float64Array([0, 1.5, -2]).subarray(1))
    .finish();
}

test('what was written is read again', () => {
  const reader = new StateReader(write(new StateWriter()));
  assert.equal(reader.uint32(), 0xffff_ffff);
  assert.equal(reader.uint64(), 0xffff_ffff_ffff_fffen);
  assert.ok(Object.is(reader.double(), -0));
  assert.ok(Number.isNaN(reader.double()));
  assert.equal(reader.double(), Number.NEGATIVE_INFINITY);
  assert.deepEqual([reader.bool(), reader.bool()], [true, false]);
  assert.deepEqual(reader.bytes(), Buffer.from([1, 2, 3]));
  assert.equal(reader.text(), 'Zürich 🙂');
  assert.equal(reader.isAtEnd, false);
  assert.equal(reader.text(), '');
  assert.deepEqual([...reader.doubles(2)], [1.5, -2]);
  assert.equal(reader.isAtEnd, true);
});

test('a writer begins anew after it has finished, and its bytes are nobody else’s', () => {
  const writer = new StateWriter();
  const first = write(writer);
  const copy = Buffer.from(first);
  writer.text('x'.repeat(100_000)).finish();
  assert.deepEqual(first, copy);
  assert.deepEqual(write(writer), copy);
});

test('bytes that end too early are damage wherever they end', () => {
  const whole = write(new StateWriter());
  for (let size = 0; size < whole.length; size++) {
    const reader = new StateReader(whole.subarray(0, size));
    assert.throws(() => {
      reader.uint32();
      reader.uint64();
      reader.double();
      reader.double();
      reader.double();
      reader.bool();
      reader.bool();
      reader.bytes();
      reader.text();
      reader.text();
      reader.doubles(2);
    }, /damaged/);
  }
});
