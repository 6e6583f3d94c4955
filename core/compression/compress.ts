import * as zlib from 'node:zlib';
import type { Encoding } from './decompress.ts';
import { lz4Encode } from './lz4.ts';
import { snappyEncode } from './snappy.ts';
import { snappyFramedEncode } from './snappy-framed.ts';

/**
 * From this size on another thread compresses. Measured: the way there and back costs 0.1 ms, as long as gzip needs
 * for a body of this size.
 */
const ASYNC_FROM = 16 * 1024;

/** What zlib calls "the usual trade-off" (6). */
const DEFAULT_LEVEL = -1;
/** The level at which zlib only codes symbols and looks for no repetitions. */
const HUFFMAN_ONLY = -2;

/** Compresses; a large input is read by another thread until the promise resolves. */
export type Compressor = (input: Buffer) => Buffer | Promise<Buffer>;

type Done = (error: Error | null, result: Buffer) => void;

/** Sync below the threshold, on another thread above. */
function bySize(sync: (input: Buffer) => Buffer, async: (input: Buffer, done: Done) => void): Compressor {
  return (input) => {
    if (input.length < ASYNC_FROM) return sync(input);
    return new Promise((resolve, reject) => {
      async(input, (error, result) => (error === null ? resolve(result) : reject(error)));
    });
  };
}

function zlibOptions(level: number): zlib.ZlibOptions {
  return level === HUFFMAN_ONLY ? { strategy: zlib.constants.Z_HUFFMAN_ONLY } : { level };
}

/** zstd has 1 to 22; configurations may ask for anything and get the nearest. */
function zstdOptions(level: number): zlib.ZstdOptions {
  const nearest = Math.min(Math.max(level, 1), 22);
  return { params: { [zlib.constants.ZSTD_c_compressionLevel]: nearest } };
}

/**
 * A compressor for a `compression` key and its `compression_params.level`; 0 there means the default.
 * gRPC knows `snappy` as the framed format, HTTP as the block format: `framed` tells.
 */
export function compressor(encoding: Encoding, level = 0, framed = false): Compressor {
  switch (encoding) {
    case 'gzip': {
      const options = zlibOptions(level === 0 ? DEFAULT_LEVEL : level);
      return bySize(
        (input) => zlib.gzipSync(input, options),
        (input, done) => zlib.gzip(input, options, done),
      );
    }
    case 'zlib':
    case 'deflate': {
      const options = zlibOptions(level === 0 ? DEFAULT_LEVEL : level);
      return bySize(
        (input) => zlib.deflateSync(input, options),
        (input, done) => zlib.deflate(input, options, done),
      );
    }
    case 'zstd': {
      const options = zstdOptions(level);
      return bySize(
        (input) => zlib.zstdCompressSync(input, options),
        (input, done) => zlib.zstdCompress(input, options, done),
      );
    }
    case 'snappy':
      return framed ? snappyFramedEncode : snappyEncode;
    case 'x-snappy-framed':
      return snappyFramedEncode;
    case 'lz4':
      return lz4Encode;
  }
}
