import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PipelineError } from '../error.ts';
import { assign } from './assign.ts';
import { isAbsence, kafkaError } from './errors.ts';
import { fnv1a, murmur2, roundRobin, stickyKey } from './partitioner.ts';
import { Turns } from './turns.ts';

test('hashes are those of other clients', () => {
  // from the tests of the Java client; the sign bit is cleared
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of known) assert.equal(murmur2(Buffer.from(key)), hash & 0x7fffffff, key);
  // http://www.isthe.com/chongo/tech/comp/fnv: 0xbf9cf968 for foobar, negative as an int32
  assert.equal(fnv1a(Buffer.from('foobar')), 0x100000000 - 0xbf9cf968);
  assert.equal(fnv1a(Buffer.from('')), 0x100000000 - 0x811c9dc5);
});

test('sticky: one partition until the turn, keys by hash', () => {
  const partitioner = stickyKey(fnv1a, () => 0);
  assert.deepEqual(
    [1, 2].map(() => partitioner('t', undefined, 3)),
    [0, 0],
  );
  partitioner.turn();
  assert.equal(partitioner('t', undefined, 3), 1);
  assert.equal(partitioner('t', Buffer.from('foobar'), 7), (0x100000000 - 0xbf9cf968) % 7);
});

test('round robin: each topic for itself', () => {
  const partitioner = roundRobin();
  const at = (topic: string) => partitioner(topic, Buffer.from('k'), 2);
  assert.deepEqual([at('a'), at('a'), at('b'), at('a')], [0, 1, 0, 0]);
});

test('errors of clients: final or not, with the deepest reasons', () => {
  const protocol = Object.assign(new Error('Too big.'), { apiId: 'MESSAGE_TOO_LARGE' });
  const nested = new AggregateError([new AggregateError([protocol], 'produce failed')], 'failed 3 times');
  const error = kafkaError('records were not stored', nested);
  assert.equal(error.message, 'records were not stored: MESSAGE_TOO_LARGE: Too big.');
  assert.ok(error.permanent);
  const refused = kafkaError('x', Object.assign(new Error(''), { code: 'ECONNREFUSED' }));
  assert.deepEqual([refused.message, refused.permanent], ['x: ECONNREFUSED', false]);
  assert.equal(kafkaError('x', 'text').message, 'x: text');
  assert.deepEqual([refused, error].map(isAbsence), [true, false]);
  const own = new PipelineError('own');
  assert.equal(kafkaError('x', own), own);
});

test('turns: one after the other, also after a failure', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const work = (name: string, fails = false) =>
    turns.take(async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const [a, b, c] = [work('a'), work('b', true), work('c')];
  await assert.rejects(b, /b/);
  assert.deepEqual([await a, await c], ['a', 'c']);
  assert.deepEqual(
    log,
    ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});

test('partitions are divided among those who want the topic', () => {
  const partitions = (topic: string) => (topic === 'a' ? 3 : 2);
  const members = [
    { id: 'm2', topics: ['a', 'b'] },
    { id: 'm1', topics: ['a'] },
  ];
  const plain = (strategy: 'range' | 'roundrobin') =>
    Object.fromEntries(
      [...assign(members, partitions, strategy)].map(([id, topics]) => [id, Object.fromEntries(topics)]),
    );
  assert.deepEqual(plain('range'), { m1: { a: [0, 1] }, m2: { a: [2], b: [0, 1] } });
  assert.deepEqual(plain('roundrobin'), { m1: { a: [0, 2] }, m2: { a: [1], b: [0, 1] } });
});
