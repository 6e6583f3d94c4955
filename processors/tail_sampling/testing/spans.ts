import { decodeJson } from '../../../core/otlp/json/decode.ts';
import { Groups } from '../../../core/otlp/readers/groups.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';

/** Fields of a span or resource in OTLP/JSON. */
export type JsonSpan = Readonly<Record<string, unknown>>;

/** A trace id that ends with the number. */
export function traceId(number: number): string {
  return number.toString(16).padStart(32, '0');
}

/** Spans in one scope of one resource. */
export function requestOf(spans: readonly JsonSpan[], resource: JsonSpan = {}): Telemetry {
  return batchOf([{ resource, scopeSpans: [{ scope: { name: 'lib' }, spans }] }]);
}

/** A request with these resource groups. */
export function batchOf(resourceSpans: readonly unknown[]): Telemetry {
  const { bytes, items } = decodeJson('traces', Buffer.from(JSON.stringify({ resourceSpans })));
  return Telemetry.of('traces', bytes, items);
}

/** A walk over the batch, before its first resource group. */
export function walk(batch: Telemetry): Groups {
  return new Groups().open(batch);
}
