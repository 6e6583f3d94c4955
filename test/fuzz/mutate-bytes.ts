import type { Random } from '../differential/random.ts';

const EDGES = [0, 1, 0x0a, 0x0d, 0x1f, 0x20, 0x7f, 0x80, 0x81, 0xc0, 0xfe, 0xff];
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const MAX_RUN = 32;

type Change = (input: Buffer, random: Random, pool: readonly Buffer[]) => Buffer;

/** One to four changes that know nothing of what the octets mean. */
export function mutateBytes(input: Buffer, random: Random, pool: readonly Buffer[]): Buffer {
  let output: Buffer = Buffer.from(input);
  for (let n = 1 + random.below(4); n > 0; n--) output = random.pick(CHANGES)(output, random, pool);
  return output;
}

/** Puts `middle` in the place of `input[start, end)`. */
export function replace(input: Buffer, start: number, end: number, middle: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, start), middle, input.subarray(end)]);
}

/** A part of it, short ones more often. */
function part(input: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(input.length + 1);
  const most = Math.min(input.length - start, random.chance(0.8) ? MAX_RUN : input.length);
  return [start, start + random.below(most + 1)];
}

function overwrite(input: Buffer, random: Random, size: number, write: (at: number, value: number) => void): Buffer {
  if (input.length >= size) write(random.below(input.length - size + 1), random.pick(NUMBERS));
  return input;
}

const CHANGES: readonly Change[] = [
  (input, random) => {
    if (input.length > 0) (input[random.below(input.length)] as number) ^= 1 << random.below(8);
    return input;
  },
  (input, random) => {
    if (input.length > 0) input[random.below(input.length)] = random.below(256);
    return input;
  },
  (input, random) => {
    if (input.length > 0) input[random.below(input.length)] = random.pick(EDGES);
    return input;
  },
  (input, random) => {
    const at = random.below(Math.max(1, input.length));
    if (input.length > 0) input[at] = (input[at] as number) + random.below(9) - 4;
    return input;
  },
  (input, random) => overwrite(input, random, 2, (at, value) => input.writeUInt16BE(value & 0xffff, at)),
  (input, random) => overwrite(input, random, 4, (at, value) => input.writeUInt32LE(value, at)),
  (input, random) => overwrite(input, random, 4, (at, value) => input.writeUInt32BE(value, at)),
  (input, random) => {
    const at = random.below(input.length + 1);
    return replace(input, at, at, random.bytes(1 + random.below(8)));
  },
  (input, random) => replace(input, ...part(input, random), Buffer.alloc(0)),
  (input, random) => {
    const [start, end] = part(input, random);
    return replace(input, end, end, input.subarray(start, end));
  },
  (input, random) => {
    const [start, end] = part(input, random);
    const at = random.below(input.length + 1);
    return replace(input, at, at, input.subarray(start, end));
  },
  (input, random, pool) => {
    const other = random.pick(pool);
    return replace(input, ...part(input, random), other.subarray(...part(other, random)));
  },
  (input, random, pool) => {
    const other = random.pick(pool);
    return Buffer.concat([
      input.subarray(0, random.below(input.length + 1)),
      other.subarray(random.below(other.length + 1)),
    ]);
  },
  (input, random) => input.subarray(0, random.below(input.length + 1)),
];
