import { PipelineError } from '../../core/error.ts';
import { TooLargeError } from '../../core/exporter-helper/types.ts';
import type { HttpAnswer } from '../../core/http/client.ts';
import { statusCodeOf } from '../../core/http/grpc-status.ts';
import { retryAfter } from '../../core/http/retry-after.ts';
import { decodeStatus, decodeStatusJson, type Status } from '../../core/otlp/status.ts';

/** Source: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Those with which a server may say when to come again. */
const THROTTLING: ReadonlySet<number> = new Set([429, 503]);

/** What an answer that is not 2xx means for the batch. `nowMs` is for a Retry-After that is a date. */
export function refusal(url: string, answer: HttpAnswer, nowMs: number): PipelineError {
  const status = statusOf(answer);
  const retryAfterMs = THROTTLING.has(answer.status) ? retryAfter(answer.headers['retry-after'], nowMs) : undefined;
  const detail = status === undefined ? '' : `, Message=${status.message}, Details=[${detailOf(status)}]`;
  const error = PipelineError.ofStatus(
    `error exporting items, request to ${url} responded with HTTP Status Code ${answer.status}${detail}`,
    {
      code: statusCodeOf(answer.status),
      permanent: !RETRYABLE.has(answer.status),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
  return tooLarge(answer, status) ? new TooLargeError(error) : error;
}

/** 413, or what collectors answer. */
const tooLarge = (answer: HttpAnswer, status: Status | undefined): boolean =>
  answer.status === 413 || (answer.status === 400 && status?.message.includes('request body too large') === true);

function statusOf({ status, headers, body }: HttpAnswer): Status | undefined {
  if (status < 400 || status > 599) return undefined;
  return headers['content-type']?.startsWith('application/json') ? decodeStatusJson(body) : decodeStatus(body);
}

function detailOf({ retryAfterMs }: Status): string {
  return retryAfterMs === undefined ? '' : `retry_delay:${retryAfterMs / 1000}s`;
}
