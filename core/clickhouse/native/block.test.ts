import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NativeBlock } from './block.ts';
import { Growing } from './growing.ts';
import { ArrayColumn, MapColumn } from './nested.ts';

test('a block is the columns one after another', () => {
  const block = new NativeBlock({
    columns: [
      { name: 'n', type: 'UInt8' },
      { name: 's', type: 'LowCardinality(String)' },
      { name: 'a', type: 'Array(UInt32)' },
      { name: 'skipped', type: 'DateTime', expression: 'DEFAULT now()' },
    ],
  });
  assert.deepEqual(block.names, ['n', 's', 'a']);
  for (const [n, s, a] of [
    [1, 'x', [5]],
    [2, 'yz', []],
  ] as const) {
    block.number('n').byte(n);
    block.string('s').text(s);
    for (const one of a) block.numbers('a').element.int32(one);
    block.numbers('a').end(a.length);
    block.rows++;
  }
  const expected = [
    Buffer.from([3, 2]),
    Buffer.from('\x01n\x05UInt8\x01\x02', 'latin1'),
    Buffer.from('\x01s\x06String\x01x\x02yz', 'latin1'),
    Buffer.from('\x01a\x0dArray(UInt32)', 'latin1'),
    Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]),
  ];
  assert.deepEqual(block.take(), Buffer.concat(expected));
  assert.equal(block.rows, 0);
});

test('what is the same in many rows is as if it was written for each', () => {
  const columns = [{ name: 'm', type: 'Array(Map(String, String))' }];
  const repeated = new NativeBlock({ columns });
  const written = new NativeBlock({ columns });
  const row = (block: NativeBlock, key: string) => {
    const maps = block.maps('m');
    for (const value of ['1', '22']) {
      maps.element.keys.text(key);
      maps.element.values.text(value);
      maps.element.end(1);
    }
    maps.end(2);
    block.rows++;
  };
  for (const block of [repeated, written]) row(block, 'before');
  repeated.maps('m').mark();
  row(repeated, 'same');
  repeated.maps('m').repeat(4);
  repeated.rows += 4;
  for (let i = 0; i < 5; i++) row(written, 'same');
  for (const block of [repeated, written]) row(block, 'after');
  assert.deepEqual(repeated.take(), written.take());
});

test('a column of another type than is written to it is a fault', () => {
  const columns = [
    { name: 'a', type: 'Array(String)' },
    { name: 'm', type: 'Map(LowCardinality(String), Float64)' },
  ];
  const block = new NativeBlock({ columns });
  assert.throws(() => block.numbers('a'), /column a is Array\(String\)/);
  assert.throws(() => block.string('b'), /column b is not there/);
  assert.ok(block.any('m', MapColumn) && block.any('a', ArrayColumn));
  assert.throws(() => new NativeBlock({ columns: [{ name: 'x', type: 'Decimal(9, 2)' }] }), /cannot be written/);
});

test('bytes are kept while room grows, and repeated in few copies', () => {
  const growing = new Growing(2);
  for (let i = 0; i < 300; i++) growing.varint(i);
  growing.clear();
  growing.byte(9);
  growing.text(Buffer.from('ab'), 0, 2);
  growing.repeat(1, 3);
  assert.deepEqual(growing.bytes(), Buffer.from('\x09\x02ab\x02ab\x02ab\x02ab', 'latin1'));
});
