import { SpanKind, SpanStatus } from '../otlp/readers/span.ts';
import type { AnyValue, Status } from '../otlp/tree.ts';

/** Attributes by key, as they are taken out one by one. */
export type AttributeMap = Map<string, AnyValue>;

const CODES: Readonly<Record<string, number>> = { OK: SpanStatus.OK, ERROR: SpanStatus.ERROR };

/** Text of an attribute, empty where it is something else. */
export const textOf = (value: AnyValue | undefined): string => value?.stringValue ?? '';

/**
 * The status that tags tell of, which are taken out of `tags` where they are the collector's own: `error` before
 * `otel.status_code` before the status of HTTP.
 */
export function statusOf(tags: AttributeMap, kind: number): Status | undefined {
  let status: Status | undefined;
  if (tags.get('error')?.boolValue === true) {
    tags.delete('error');
    status = { code: SpanStatus.ERROR, message: takeDescription(tags) ?? textOf(tags.get('http.status_message')) };
  }
  const code = tags.get('otel.status_code');
  if (code !== undefined) {
    tags.delete('otel.status_code');
    return (
      status ?? { code: CODES[textOf(code).toUpperCase()] ?? SpanStatus.UNSET, message: takeDescription(tags) ?? '' }
    );
  }
  return status ?? httpStatus(tags, kind);
}

function takeDescription(tags: AttributeMap): string | undefined {
  const description = tags.get('otel.status_description');
  tags.delete('otel.status_description');
  return description === undefined ? undefined : textOf(description);
}

/** A request that the server refused is no failure of the server. */
function httpStatus(tags: AttributeMap, kind: number): Status | undefined {
  const { intValue, stringValue } = tags.get('http.status_code') ?? {};
  if (intValue === undefined && !/^[+-]?\d+$/.test(stringValue ?? '')) return undefined;
  const code = Number(intValue ?? stringValue);
  // 399 counts as a failure in the collector
  if ((code >= 100 && code < 399) || (code >= 400 && code < 500 && kind === SpanKind.SERVER)) return undefined;
  return { code: SpanStatus.ERROR, message: textOf(tags.get('http.status_message')) };
}
