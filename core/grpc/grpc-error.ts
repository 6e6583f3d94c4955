import type { StatusCode } from '../status-code.ts';
import type { GrpcFailure } from './types.ts';

/** A call that did not end with OK; `message` is the status message as sent. */
export class GrpcError extends Error implements GrpcFailure {
  override readonly name = 'GrpcError';
  readonly code: StatusCode;
  readonly details: Uint8Array | undefined;

  constructor(code: StatusCode, message: string, details?: Uint8Array) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
