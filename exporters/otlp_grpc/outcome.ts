import { PipelineError } from '../../core/error.ts';
import { TooLargeError } from '../../core/exporter-helper/types.ts';
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
  const error = PipelineError.ofStatus(message, {
    code,
    permanent: !retryable || tooLarge(caught),
    ...(retryAfterMs === undefined || retryAfterMs <= 0 ? {} : { retryAfterMs }),
    cause: caught,
  });
  return tooLarge(caught) ? new TooLargeError(error, limitIn(message)) : error;
}

/** As the servers of Go, C++ with its Python, JavaScript and weir say it; of Java; of .NET; of Rust. */
const TOO_LARGE = /message.* larger than |exceeds (the )?maximum|message length too large/i;
/** `(5000000 vs. 4194304)`, `maximum size 4194304: 5000000`, `limit is: 4194304 bytes`, `larger than max 4194304`. */
const LIMIT = /\d+ vs\.? (\d+)\)|maximum size (\d+)|limit is: (\d+)|larger than (?:max )?(\d+)/i;

function tooLarge({ code, message }: GrpcError): boolean {
  return (code === StatusCode.RESOURCE_EXHAUSTED || code === StatusCode.OUT_OF_RANGE) && TOO_LARGE.test(message);
}

function limitIn(message: string): number | undefined {
  const found = LIMIT.exec(message)
    ?.slice(1)
    .find((digits) => digits !== undefined);
  return found === undefined ? undefined : Number(found);
}
