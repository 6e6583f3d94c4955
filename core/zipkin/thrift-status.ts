import { SpanStatus } from '../otlp/readers/span.ts';
import type { AnyValue, Status } from '../otlp/tree.ts';

interface Found {
  code?: number;
  message: string;
}

/** The status that annotations of version 1 tell of: of OpenCensus, of OTLP, `error`, of HTTP, in this order. */
export class ThriftStatus {
  readonly #census: Found = { message: '' };
  readonly #otel: Found = { message: '' };
  readonly #http: Found = { message: '' };
  #error = false;

  /** True where the annotation is no attribute beside. */
  take(key: string, value: AnyValue): boolean {
    const text = value.stringValue ?? '';
    const code = codeOf(value);
    switch (key) {
      case 'census.status_code':
        if (code !== undefined) this.#census.code = code === 0 ? SpanStatus.OK : SpanStatus.ERROR;
        return true;
      case 'census.status_description':
      case 'opencensus.status_description':
        this.#census.message = text;
        return true;
      case 'otel.status_code':
        if (code !== undefined) this.#otel.code = code;
        return true;
      case 'otel.status_description':
        this.#otel.message = text;
        return true;
      case 'error':
        this.#error = true;
        return true;
      case 'http.status_code':
      case 'http.response.status_code':
        if (code !== undefined) this.#http.code = code >= 100 && code < 400 ? SpanStatus.UNSET : SpanStatus.ERROR;
        return false;
      case 'http.status_message':
        this.#http.message = text;
        return false;
      default:
        return false;
    }
  }

  status(): Status | undefined {
    const error = this.#error ? { code: SpanStatus.ERROR, message: this.#census.message || this.#otel.message } : {};
    for (const { code, message } of [this.#census, this.#otel, error as Found, this.#http]) {
      if (code !== undefined) return { code, message };
    }
    return undefined;
  }
}

/** No more than a number of 64 bits has. */
const DIGITS = /^[+-]?\d{1,19}$/;
const MAX_INT32 = 0x7fff_ffff;

function codeOf({ intValue, stringValue }: AnyValue): number | undefined {
  const code = intValue ?? (DIGITS.test(stringValue ?? '') ? BigInt(stringValue ?? 0) : undefined);
  if (code === undefined || code > MAX_INT32 || code < -MAX_INT32 - 1) return undefined;
  return Number(code);
}
