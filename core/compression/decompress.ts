import * as zlib from 'node:zlib';
import { PipelineError } from '../error.ts';
import { DecompressError } from './error.ts';
import { lz4Decode } from './lz4.ts';
import { snappyDecode } from './snappy.ts';
import { isSnappyFramed, snappyFramedDecode } from './snappy-framed.ts';
import { Turns } from './turns.ts';

/** Names as in Content-Encoding and grpc-encoding. `deflate` is zlib, as RFC 9110 says. */
export const ENCODINGS = ['gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'x-snappy-framed', 'lz4'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/**
 * From this compressed size on another thread expands. Measured: the way there and back costs 0.1 ms, which is what
 * expanding a body of this size to ten times as much takes.
 */
const ASYNC_FROM = 32 * 1024;

/** What telemetry usually expands by; sets the growth step of the output, so that one piece mostly does. */
const USUAL_RATIO = 8;
const MIN_CHUNK = 4 * 1024;
const MAX_CHUNK = 256 * 1024;

const turns = new Turns();

type Expand = (input: Buffer, limit: number) => Buffer | Promise<Buffer>;
type SyncZlib = (input: Buffer, options: zlib.ZlibOptions) => Buffer;
type AsyncZlib = (
  input: Buffer,
  options: zlib.ZlibOptions,
  done: (error: Error | null, result: Buffer) => void,
) => void;

function zlibExpand(name: string, sync: SyncZlib, async: AsyncZlib): Expand {
  return (input, limit) => {
    const chunkSize = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, input.length * USUAL_RATIO));
    const options = { maxOutputLength: limit, chunkSize };
    if (input.length < ASYNC_FROM) {
      try {
        return compact(sync(input, options));
      } catch (error) {
        throw describe(name, error, limit);
      }
    }
    const expanded = turns.take(
      input.length,
      () =>
        new Promise<Buffer>((resolve, reject) => {
          async(input, options, (error, result) => {
            if (error === null) resolve(compact(result));
            else reject(describe(name, error, limit));
          });
        }),
    );
    if (expanded === undefined) throw new PipelineError('too many compressed requests wait to be expanded');
    return expanded;
  };
}

/** A body may wait in a queue; there it must not keep more memory than it needs. */
function compact(result: Buffer): Buffer {
  return result.buffer.byteLength > 2 * result.length ? Buffer.from(result) : result;
}

function describe(name: string, cause: unknown, limit: number): DecompressError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ERR_BUFFER_TOO_LARGE') return DecompressError.tooLarge(limit);
  if (code === 'Z_BUF_ERROR') return new DecompressError('unexpected EOF', { cause });
  if (message === 'incorrect header check') return new DecompressError(`${name}: invalid header`, { cause });
  return new DecompressError(`${name}: ${message}`, { cause });
}

const inflate = zlibExpand('zlib', zlib.inflateSync, zlib.inflate);

const EXPAND: Readonly<Record<Encoding, Expand>> = {
  gzip: zlibExpand('gzip', zlib.gunzipSync, zlib.gunzip),
  zstd: zlibExpand('zstd', zlib.zstdDecompressSync as SyncZlib, zlib.zstdDecompress as AsyncZlib),
  zlib: inflate,
  deflate: inflate,
  // senders have long put framed data under the name of the block format
  snappy: (input, limit) => (isSnappyFramed(input) ? snappyFramedDecode(input, limit) : snappyDecode(input, limit)),
  'x-snappy-framed': snappyFramedDecode,
  lz4: lz4Decode,
};

/**
 * Expands a body to at most `limit` bytes; the limit holds while expanding, so that a small body cannot take much
 * memory. Throws or rejects with a DecompressError, throws a PipelineError where too much waits
 * already. A large input is read by another thread until the promise settles.
 */
export function decompress(encoding: Encoding, input: Buffer, limit: number): Buffer | Promise<Buffer> {
  return EXPAND[encoding](input, limit);
}

export function isEncoding(name: string): name is Encoding {
  return Object.hasOwn(EXPAND, name);
}
