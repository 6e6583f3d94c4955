import { StatusCode } from '../status-code.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import type { Call } from './client-call.ts';
import type { ClientStream } from './client-stream.ts';
import { GrpcError } from './grpc-error.ts';
import type { Decompressors } from './types.ts';

/** Ends the call of a stream whose answer is complete: with its error, or with the message, decompressed. */
export function deliver(stream: ClientStream, decompressors: Decompressors, maxBytes: number): void {
  const { call, body } = stream;
  const failure = stream.failure();
  if (failure !== undefined) {
    body.drop();
    call.fail(failure);
    return;
  }
  const message = body.take();
  if (!body.compressed) {
    call.succeed(copyOut(message));
    return;
  }
  const decompress = decompressors.get(stream.encoding);
  if (decompress === undefined) {
    message.slab?.release();
    const text = `grpc: Decompressor is not installed for grpc-encoding "${stream.encoding}"`;
    call.fail(new GrpcError(StatusCode.INTERNAL, text));
    return;
  }
  new Promise<ByteRange>((resolve) => resolve(decompress(message, maxBytes)))
    .finally(() => message.slab?.release())
    .then(
      (plain) => call.succeed(copyOut(plain)),
      (error) => failWith(call, error),
    );
}

function failWith(call: Call, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  call.fail(error instanceof GrpcError ? error : new GrpcError(StatusCode.INTERNAL, text));
}

/** The caller keeps the message, so it gets a copy of its own. */
function copyOut(message: ByteRange): Buffer {
  const copy = Buffer.from(message.buffer.subarray(message.start, message.end));
  message.slab?.release();
  return copy;
}
