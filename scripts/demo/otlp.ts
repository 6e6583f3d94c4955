/** Just enough OTLP/JSON to say what an instrumented application would. */

export type Value = string | number | boolean;
export type Attributes = Readonly<Record<string, Value>>;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code?: number; readonly message?: string };
}

export interface LogRecord {
  readonly timeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly KeyValue[];
  readonly traceId: string;
  readonly spanId: string;
}

export interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

export function attributes(values: Attributes): KeyValue[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Value): KeyValue['value'] {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Milliseconds since 1970 → nanoseconds as text. */
export function nanos(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

export function hexId(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Wraps items of one application as an export request; `signal` is `Spans`, `Metrics` or `Logs`. */
export function exportRequest(
  service: string,
  signal: 'Spans' | 'Metrics' | 'Logs',
  items: readonly unknown[],
): unknown {
  const list = { Spans: 'spans', Metrics: 'metrics', Logs: 'logRecords' }[signal];
  const resource = {
    attributes: attributes({
      'service.name': service,
      'service.version': '1.4.2',
      'deployment.environment.name': 'demo',
    }),
  };
  const scope = { name: 'weir.demo', version: '1' };
  return { [`resource${signal}`]: [{ resource, [`scope${signal}`]: [{ scope, [list]: items }] }] };
}
