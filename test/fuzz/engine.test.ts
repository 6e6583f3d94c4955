import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz, minimise, type Target } from './engine.ts';
import { mutateProtobuf } from './mutate-protobuf.ts';

/** Fails where there is an octet of this value behind one of the other. */
const broken = (mutate?: Target['mutate']): Target => ({
  name: 'broken',
  seeds: () => [Buffer.from('0a0408011203', 'hex'), Buffer.from('some text')],
  ...(mutate !== undefined && { mutate }),
  check(input) {
    if (input.includes(Buffer.from([0x80, 0x7f]))) throw new Error('broken');
    return input.length % 2 === 0;
  },
});

test('finds what is planted, the same with the same seed, and makes it short', async () => {
  for (const mutate of [undefined, mutateProtobuf]) {
    const target = broken(mutate);
    const first = await fuzz(target, { seed: 7, mutations: 30_000 });
    const second = await fuzz(target, { seed: 7, mutations: 30_000 });
    assert.equal(first.findings.length, 1);
    assert.deepEqual(second.findings[0]?.input, first.findings[0]?.input);
    assert.deepEqual(await minimise(target, first.findings[0]!), Buffer.from([0x80, 0x7f]));
  }
});
