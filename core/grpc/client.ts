import type { ByteRange } from '../telemetry/telemetry.ts';
import type { GrpcClientOptions, UnaryOptions, UnaryResponse } from './types.ts';

/** A gRPC client for unary calls to one endpoint, connected on demand. */
export class GrpcClient {
  constructor(_options: GrpcClientOptions) {}

  /**
   * Sends one message, `length` bytes in `message`, which must stay unchanged until the promise settles. Rejects with
   * a GrpcError.
   */
  async unary(
    _path: string,
    _message: readonly ByteRange[],
    _length: number,
    _options?: UnaryOptions,
  ): Promise<UnaryResponse> {
    throw new Error('not there yet');
  }

  /** Calls in flight fail with CANCELLED. Repeatable. */
  async close(): Promise<void> {}
}
