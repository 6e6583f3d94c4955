import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import kafkajs from 'kafkajs';
import { lz4Decode, lz4Encode } from '../compression/lz4.ts';
import { snappyDecode, snappyEncode } from '../compression/snappy.ts';

/** What a batch of records may unpack to: brokers take some megabytes, so this is no data but an attack. */
const MAX_UNPACKED = 256 * 1024 * 1024;

/** Java clients put snappy blocks in frames of their own: this, two versions, then blocks with their lengths. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER = 16;

const zstdCompress = promisify(zlib.zstdCompress);
const zstdDecompress = promisify(zlib.zstdDecompress);

interface Encoder {
  readonly buffer: Buffer;
}

const CODECS = {
  [kafkajs.CompressionTypes.Snappy]: {
    compress: async ({ buffer }: Encoder) => snappyEncode(buffer),
    decompress: async (input: Buffer) => snappyBlocks(input),
  },
  [kafkajs.CompressionTypes.LZ4]: {
    compress: async ({ buffer }: Encoder) => lz4Encode(buffer),
    decompress: async (input: Buffer) => lz4Decode(input, MAX_UNPACKED),
  },
  [kafkajs.CompressionTypes.ZSTD]: {
    compress: ({ buffer }: Encoder) => zstdCompress(buffer),
    decompress: (input: Buffer) => zstdDecompress(input, { maxOutputLength: MAX_UNPACKED }),
  },
};

/** The client has gzip only; the others are ours. */
export function registerCodecs(): void {
  for (const [type, codec] of Object.entries(CODECS)) {
    (kafkajs.CompressionCodecs as Record<string, unknown>)[type] = () => codec;
  }
}

function snappyBlocks(input: Buffer): Buffer {
  if (!input.subarray(0, XERIAL.length).equals(XERIAL)) return snappyDecode(input, MAX_UNPACKED);
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER; at < input.length; ) {
    const end = at + 4 + input.readUInt32BE(at);
    blocks.push(snappyDecode(input.subarray(at + 4, end), MAX_UNPACKED));
    at = end;
  }
  return Buffer.concat(blocks);
}
