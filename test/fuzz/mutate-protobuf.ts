import { writeVarint64 } from '../../core/otlp/wire.ts';
import type { Random } from '../differential/random.ts';
import { mutateBytes } from './mutate-bytes.ts';

/** A field: its tag as written, and what follows: octets, or a list where they look like a message. */
interface Node {
  tag: Buffer;
  /** With the length where there is one. */
  raw: Buffer;
  /** In the place of `raw`; lengths are written anew. */
  children: Node[] | undefined;
}

const BYTES_INSTEAD = 0.2;
const MAX_DEPTH = 40;
const NUMBERS = [0n, 1n, 2n, 127n, 128n, 255n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const DEEP = 1100;

/** Changes fields where they are; the lengths around them stay right, but for those that are changed to lie. */
export function mutateProtobuf(input: Buffer, random: Random, pool: readonly Buffer[]): Buffer {
  if (random.chance(BYTES_INSTEAD)) return mutateBytes(input, random, pool);
  const root = parse(input, 0);
  if (root === undefined) return mutateBytes(input, random, pool);
  for (let n = 1 + random.below(3); n > 0; n--) change(pickList(root, random), random, pool);
  return encode(root);
}

function parse(bytes: Buffer, depth: number): Node[] | undefined {
  const nodes: Node[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || unit > 2 ** 63) return -1;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    if (tag < 8) return undefined;
    const value = at;
    const type = tag & 7;
    let children: Node[] | undefined;
    if (type === 0 && varint() < 0) return undefined;
    if (type === 1) at += 8;
    if (type === 5) at += 4;
    if (type === 2) {
      const length = varint();
      if (length < 0 || length > bytes.length - at) return undefined;
      at += length;
      if (length > 1 && depth < MAX_DEPTH) children = parse(bytes.subarray(at - length, at), depth + 1);
    }
    if (type > 5 || type === 3 || type === 4 || at > bytes.length) return undefined;
    nodes.push({ tag: bytes.subarray(start, value), raw: bytes.subarray(value, at), children });
  }
  return nodes;
}

function encode(nodes: readonly Node[]): Buffer {
  return Buffer.concat(
    nodes.flatMap(({ tag, raw, children }) => {
      if (children === undefined) return [tag, raw];
      const inner = encode(children);
      return [tag, varint(BigInt(inner.length)), inner];
    }),
  );
}

function varint(value: bigint, extra = 0): Buffer {
  const bytes = Buffer.alloc(10 + extra);
  let length = writeVarint64(bytes, 0, value);
  // the same number in more octets than it needs
  for (; extra > 0; extra--) {
    bytes[length - 1] = (bytes[length - 1] as number) | 0x80;
    bytes[length++] = 0;
  }
  return bytes.subarray(0, length);
}

/** Of all messages one, the deeper ones as often as there are more of them. */
function pickList(root: Node[], random: Random): Node[] {
  const lists: Node[][] = [root];
  for (const list of lists) for (const { children } of list) if (children !== undefined) lists.push(children);
  return random.pick(lists);
}

function randomField(random: Random): Node {
  const type = random.pick([0, 0, 1, 2, 2, 5, 3, 4, 6, 7]);
  const number = random.chance(0.8) ? 1 + random.below(20) : random.pick([0, 31, 32, 1000, 2047, 2 ** 29 - 1, 2 ** 29]);
  const length = random.below(20);
  const raw =
    type === 0
      ? varint(random.pick(NUMBERS), random.below(3))
      : type === 2
        ? Buffer.concat([varint(BigInt(length)), random.bytes(length)])
        : random.bytes(type === 1 ? 8 : type === 5 ? 4 : 0);
  return { tag: varint(BigInt(number * 8 + type)), raw, children: undefined };
}

/** A value in itself, again and again, up to more than is allowed. */
function nested(node: Node, random: Random): Node {
  const times = random.chance(0.1) ? random.below(DEEP) : random.below(12);
  let inner = Buffer.concat([node.tag, node.raw]);
  for (let i = 0; i < times && inner.length < 4000; i++) {
    inner = Buffer.concat([node.tag, varint(BigInt(inner.length)), inner]);
  }
  return { tag: node.tag, raw: Buffer.concat([varint(BigInt(inner.length)), inner]), children: undefined };
}

function change(list: Node[], random: Random, pool: readonly Buffer[]): void {
  const at = random.below(list.length + 1);
  const node = list[at];
  if (node === undefined || random.chance(0.1)) {
    list.splice(at, 0, randomField(random));
    return;
  }
  const number = () => varint(random.pick(NUMBERS), random.below(4));
  const changes: readonly (() => void)[] = [
    () => list.splice(at, 1),
    () => list.splice(at, 0, { ...node, children: node.children && [...node.children] }),
    () => list.splice(random.below(list.length), 0, ...list.splice(at, 1)),
    () => Object.assign(node, { tag: varint(BigInt(1 + random.below(16)) * 8n + BigInt((node.tag[0] as number) & 7)) }),
    () => Object.assign(node, { tag: varint(BigInt(((node.tag[0] as number) & 0xf8) | random.below(8))) }),
    () => Object.assign(node, { tag: varint(BigInt(node.tag[0] as number) & 0x7fn, 1 + random.below(6)) }),
    () => Object.assign(node, { raw: number(), children: undefined }),
    // a length that lies
    () => Object.assign(node, { raw: Buffer.concat([number(), node.raw.subarray(1)]), children: undefined }),
    () => Object.assign(node, { raw: varintOf(node.raw, random), children: undefined }),
    () => Object.assign(node, { raw: mutateBytes(node.raw, random, pool), children: undefined }),
    () => Object.assign(node, { raw: Buffer.from([0]), children: undefined }),
    () => {
      list[at] = nested(node, random);
    },
    () => {
      const other = parse(random.pick(pool), 0);
      if (other !== undefined && other.length > 0) list.splice(at, 1, random.pick(pickList(other, random)) ?? node);
    },
  ];
  random.pick(changes)();
}

/** The first octet a little more or less: most lengths are of one octet. */
function varintOf(raw: Buffer, random: Random): Buffer {
  const changed = Buffer.from(raw);
  if (changed.length > 0) changed[0] = (changed[0] as number) + random.pick([-2, -1, 1, 2]);
  return changed;
}
