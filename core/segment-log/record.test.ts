import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { StorageOperation } from '../storage.ts';
import {
  lengthOf,
  MARKER_LENGTH,
  parseSegmentName,
  readRecord,
  scanSegment,
  segmentName,
  writeBatches,
} from './record.ts';

const marker = Buffer.from('0123456789abcdef', 'hex');

function segment(batches: readonly (readonly StorageOperation[])[]): Buffer {
  const length = lengthOf(batches.flat());
  const out = Buffer.alloc(length);
  const written = writeBatches(batches, out, marker);
  assert.equal(written.at(-1)?.end ?? 0, length);
  return out;
}

interface Read {
  /** The keys of each batch, deleted ones with a minus. */
  readonly batches: string[];
  readonly values: Map<string, string>;
  readonly damaged: number;
  readonly torn: boolean;
}

function read(bytes: Buffer): Read {
  const batches: string[] = [];
  const values = new Map<string, string>();
  const damage = scanSegment(bytes, marker, (records) => {
    batches.push(records.map(({ key, value }) => (value < 0 ? `-${key}` : key)).join());
    for (const { key, value, end } of records) {
      if (value >= 0) values.set(key, bytes.toString('utf8', value, end));
    }
  });
  return { batches, values, ...damage };
}

const ten = Array.from({ length: 10 }, (_, i): StorageOperation[] => [[`k${i}`, Buffer.from(`value ${i}`)]]);

test('what was written is read, in batches', () => {
  const bytes = segment([
    [['a', Buffer.from('1')]],
    [
      ['b', [Buffer.from('2'), Buffer.from('3')]],
      ['a', undefined],
      ['schlüssel', Buffer.alloc(0)],
    ],
    [['c', []]],
  ]);
  const { batches, values, damaged, torn } = read(bytes);
  assert.deepEqual(batches, ['a', 'b,-a,schlüssel', 'c']);
  assert.deepEqual(Object.fromEntries(values), { a: '1', b: '23', schlüssel: '', c: '' });
  assert.deepEqual({ damaged, torn }, { damaged: 0, torn: false });
  assert.equal(readRecord(bytes, 0, randomBytes(MARKER_LENGTH)), undefined);
});

test('cut off anywhere: the whole batches before the cut, and nothing that is not there', () => {
  const bytes = segment([
    ...ten,
    [
      ['x', Buffer.from('x')],
      ['y', Buffer.from('y')],
    ],
  ]);
  const ends: number[] = [];
  scanSegment(bytes, marker, (records) => ends.push(records.at(-1)!.end));
  assert.equal(ends.length, 11);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { batches, damaged, torn } = read(bytes.subarray(0, cut));
    assert.equal(batches.length, ends.filter((end) => end <= cut).length, `at ${cut}`);
    assert.equal(damaged, 0);
    assert.equal(torn, cut > 0 && !ends.includes(cut));
  }
});

test('any byte changed: one record is lost and counted, all others are read', () => {
  const bytes = segment(ten);
  const length = bytes.length / ten.length;
  for (let at = 0; at < bytes.length; at++) {
    const broken = Buffer.from(bytes);
    broken[at]! ^= 1 << (at % 8);
    const { values, damaged, torn } = read(broken);
    const lost = `k${Math.floor(at / length)}`;
    assert.equal(values.size, 9, `byte ${at}`);
    assert.ok(!values.has(lost));
    // a length in the last record that points behind the end looks like a record that was not finished
    assert.ok(damaged === 1 || (torn && lost === 'k9'), `byte ${at}: ${damaged}`);
  }
});

test('a batch of which a part is damaged does not count', () => {
  const batch: StorageOperation[] = ['a', 'b', 'c'].map((key) => [key, Buffer.from(key)]);
  const bytes = segment([batch, [['d', Buffer.from('d')]]]);
  const length = lengthOf([['a', Buffer.from('a')]]);
  for (const part of [0, 1, 2]) {
    const broken = Buffer.from(bytes);
    broken[part * length + length - 1]! ^= 1;
    const { batches, damaged } = read(broken);
    assert.deepEqual(batches, ['d'], `part ${part}`);
    assert.equal(damaged, 3);
  }
  // a whole record of the batch is missing
  assert.deepEqual(read(Buffer.concat([bytes.subarray(0, length), bytes.subarray(2 * length)])).batches, ['d']);
});

test('records inside of values are not found, whatever happens around them', () => {
  const inner = segment([[['inner', Buffer.from('bait')]]]);
  const foreign = Buffer.from(inner);
  // what an outsider could send: our format, with a marker that cannot be known
  randomBytes(MARKER_LENGTH).copy(foreign);
  const bytes = segment([[['outer', Buffer.concat([foreign, foreign])]], [['next', Buffer.from('n')]]]);
  bytes[20]! ^= 0xff;
  assert.deepEqual(read(bytes).batches, ['next']);
});

test('random damage: it always ends, and nothing is made up', () => {
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.concat([segment(ten)]);
    const damage = randomBytes(3 + (round % 40));
    for (let i = 0; i + 2 < damage.length; i += 3) {
      bytes[damage.readUInt16LE(i) % bytes.length] = damage[i + 2]!;
    }
    for (const [key, value] of read(bytes).values) assert.equal(value, `value ${key.slice(1)}`);
    for (const noise of [damage, Buffer.concat([marker, damage]), Buffer.alloc(round % 100)]) read(noise);
  }
});

test('names of segments sort by number', () => {
  const name = segmentName(12, marker);
  assert.equal(name, '0000000012-0123456789abcdef.segment');
  assert.deepEqual(parseSegmentName(name), { number: 12, marker });
  for (const other of ['lock', '12-0123456789abcdef.segment', `${name}.bak`]) {
    assert.equal(parseSegmentName(other), undefined);
  }
});
