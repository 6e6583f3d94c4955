import type { Partitioner } from './client.ts';

export type Hash = (key: Buffer) => number;

/**
 * Records with a key go where the hash of the key says, so that equal keys stay in order; those without go to one
 * partition for a whole call of `send` and to the next one after it, which makes large batches.
 */
export function stickyKey(hash: Hash, random: () => number): Partitioner & { readonly turn: () => void } {
  let current = Math.floor(random() * 0x7fffffff);
  const partitioner: Partitioner = (_topic, key, partitions) =>
    key === undefined ? current % partitions : hash(key) % partitions;
  const turn = () => {
    current = (current + 1) & 0x7fffffff;
  };
  return Object.assign(partitioner, { turn });
}

/** Record by record, each topic for itself, whatever the key. */
export function roundRobin(): Partitioner {
  const next = new Map<string, number>();
  return (topic, _key, partitions) => {
    const turn = next.get(topic) ?? 0;
    next.set(topic, (turn + 1) % 0x7fffffff);
    return turn % partitions;
  };
}

/**
 * FNV-1a of 32 bits as the Sarama client uses it: `int32(hash) % n` without its sign. As the remainder of a negative
 * number has the size of that of its absolute value, the absolute value is returned.
 */
export function fnv1a(key: Buffer): number {
  let hash = 0x811c9dc5;
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193);
  return Math.abs(hash | 0);
}

/** Murmur2 as the Java client uses it: the sign bit is cleared. */
export function murmur2(key: Buffer): number {
  const m = 0x5bd1e995;
  const { length } = key;
  let hash = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = Math.imul(key.readInt32LE(i), m);
    k ^= k >>> 24;
    hash = Math.imul(hash, m) ^ Math.imul(k, m);
  }
  if (length > whole) {
    for (let i = length - 1; i >= whole; i--) hash ^= (key[i] as number) << (8 * (i - whole));
    hash = Math.imul(hash, m);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, m);
  return (hash ^ (hash >>> 15)) & 0x7fffffff;
}
