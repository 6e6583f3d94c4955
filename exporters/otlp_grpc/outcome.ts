import { PipelineError } from '../../core/error.ts';
import { GrpcError } from '../../core/grpc/grpc-error.ts';
import { decodeStatus } from '../../core/otlp/status.ts';
import { StatusCode } from '../../core/status-code.ts';

/** Source: https://opentelemetry.io/docs/specs/otlp/#failures */
const RETRYABLE: ReadonlySet<StatusCode> = new Set([
  StatusCode.CANCELLED,
  StatusCode.DEADLINE_EXCEEDED,
  StatusCode.ABORTED,
  StatusCode.OUT_OF_RANGE,
  StatusCode.UNAVAILABLE,
  StatusCode.DATA_LOSS,
]);

/**
 * What a failed call means for the batch. RESOURCE_EXHAUSTED is final unless the peer says when to come again. A call
 * that went well but whose answer cannot be read is final too: the peer has the data.
 */
export function pipelineError(caught: unknown): PipelineError {
  if (!(caught instanceof GrpcError)) return PipelineError.from(caught);
  const { code, message, details } = caught;
  const retryAfterMs = details === undefined ? undefined : decodeStatus(Buffer.from(details))?.retryAfterMs;
  const retryable = RETRYABLE.has(code) || (code === StatusCode.RESOURCE_EXHAUSTED && retryAfterMs !== undefined);
  return PipelineError.ofStatus(message, {
    code,
    permanent: !retryable,
    ...(retryAfterMs === undefined || retryAfterMs <= 0 ? {} : { retryAfterMs }),
    cause: caught,
  });
}
