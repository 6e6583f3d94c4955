import { decompress, type Encoding } from '../compression/decompress.ts';
import { DecompressError } from '../compression/error.ts';
import { PipelineError } from '../error.ts';
import { StatusCode } from '../status-code.ts';
import { GrpcError } from './grpc-error.ts';
import type { Decompress, Decompressors } from './types.ts';

/** What the collector's gRPC servers and clients take. */
const NAMES: readonly Encoding[] = ['gzip', 'snappy', 'zstd'];

export const grpcDecompressors: Decompressors = new Map(NAMES.map((name) => [name, decompressor(name)]));

function decompressor(encoding: Encoding): Decompress {
  const fail = (error: unknown, maxBytes: number): never => {
    if (error instanceof DecompressError && error.tooLarge) {
      const message = `grpc: received message after decompression larger than max ${maxBytes}`;
      throw new GrpcError(StatusCode.RESOURCE_EXHAUSTED, message);
    }
    if (error instanceof PipelineError) throw new GrpcError(error.code, error.answer);
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrpcError(StatusCode.INTERNAL, `grpc: failed to decompress the received message: ${reason}`);
  };
  const range = (buffer: Buffer) => ({ buffer, start: 0, end: buffer.length });
  return (message, maxBytes) => {
    try {
      const result = decompress(encoding, message.buffer.subarray(message.start, message.end), maxBytes);
      return result instanceof Promise ? result.then(range, (error) => fail(error, maxBytes)) : range(result);
    } catch (error) {
      return fail(error, maxBytes);
    }
  };
}
