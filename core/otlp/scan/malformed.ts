import { PipelineError } from '../../error.ts';
import type { Signal } from '../../signal.ts';
import { StatusCode } from '../../status-code.ts';

/** The bytes are not an export request; the sender is told INVALID_ARGUMENT (HTTP 400). */
export class MalformedError extends PipelineError {
  /** Where it was found, in bytes from the beginning of the request. */
  readonly offset: number;
  readonly reason: string;

  constructor(signal: Signal, offset: number, reason: string) {
    const text = `malformed ${signal} request at byte ${offset}: ${reason}`;
    super(text, { code: StatusCode.INVALID_ARGUMENT, permanent: true, text });
    this.offset = offset;
    this.reason = reason;
  }
}
