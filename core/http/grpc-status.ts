import { StatusCode } from '../status-code.ts';

/**
 * The HTTP status of an outcome that was not success.
 * Source: https://opentelemetry.io/docs/specs/otlp/#failures
 */
export function httpStatusOf(code: StatusCode): number {
  switch (code) {
    case StatusCode.CANCELLED:
    case StatusCode.DEADLINE_EXCEEDED:
    case StatusCode.ABORTED:
    case StatusCode.OUT_OF_RANGE:
    case StatusCode.UNAVAILABLE:
    case StatusCode.DATA_LOSS:
      return 503;
    case StatusCode.RESOURCE_EXHAUSTED:
      return 429;
    case StatusCode.INVALID_ARGUMENT:
      return 400;
    case StatusCode.UNAUTHENTICATED:
      return 401;
    case StatusCode.PERMISSION_DENIED:
      return 403;
    case StatusCode.UNIMPLEMENTED:
      return 404;
    default:
      return 500;
  }
}

const CODES: Readonly<Record<number, StatusCode>> = {
  400: StatusCode.INVALID_ARGUMENT,
  401: StatusCode.UNAUTHENTICATED,
  403: StatusCode.PERMISSION_DENIED,
  404: StatusCode.UNIMPLEMENTED,
  429: StatusCode.RESOURCE_EXHAUSTED,
  502: StatusCode.UNAVAILABLE,
  503: StatusCode.UNAVAILABLE,
  504: StatusCode.UNAVAILABLE,
};

/** What an HTTP status means where the body does not say it. */
export function statusCodeOf(httpStatus: number): StatusCode {
  return CODES[httpStatus] ?? StatusCode.UNKNOWN;
}
