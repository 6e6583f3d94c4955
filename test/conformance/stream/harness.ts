import type { Component, Connector, Outputs } from '../../../core/component.ts';
import type { Consumer } from '../../../core/consumer.ts';
import { decodeJson } from '../../../core/otlp/json/decode.ts';
import type { KeyValue } from '../../../core/otlp/tree.ts';
import { valueText } from '../../../core/otlp/value-text.ts';
import type { Signal } from '../../../core/signal.ts';
import type { RequestContext } from '../../../core/telemetry/context.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { NopHost } from '../../../core/testing/nop-host.ts';
import { SinkConsumer } from '../../../core/testing/sink.ts';

export type Fields = Readonly<Record<string, string | number | boolean | null>>;
export type Event = { readonly id: string; readonly ts: number } & Fields;

export interface WindowOfCase {
  readonly type: 'tumbling' | 'sliding' | 'session';
  readonly size_ms?: number;
  readonly slide_ms?: number;
  readonly gap_ms?: number;
  readonly offset_ms?: number;
  readonly allowed_lateness_ms?: number;
}

/** A case as it is on disk. */
export interface StreamCase {
  readonly kind: string;
  readonly config: {
    readonly key?: readonly string[];
    readonly out_of_orderness_ms?: number;
    readonly watermarks?: 'explicit';
    readonly window?: WindowOfCase;
    readonly [option: string]: unknown;
  };
  readonly events: readonly (Event | { readonly watermark: number })[];
}

/** The partition that all events of a case are in. */
const PARTITION = 'case';
/** OTLP has no times before 1970, and takes 0 for none: cases are moved by a multiple of all their periods. */
const EARLIEST = 1_000_000_000;

export type Attribute = { readonly key: string; readonly value: Readonly<Record<string, unknown>> };

export function attributesOf(fields: Fields): Attribute[] {
  return Object.entries(fields).flatMap(([key, value]): Attribute[] => {
    if (value === null) return [];
    if (typeof value === 'string') return [{ key, value: { stringValue: value } }];
    return [{ key, value: typeof value === 'number' ? { doubleValue: value } : { boolValue: value } }];
  });
}

/** A time of a case as the connectors see it, and back. */
export class Times {
  readonly #shift: number;

  constructor({ config }: StreamCase) {
    const { size_ms: size = 1, slide_ms: slide = size } = config.window ?? { type: 'session' };
    const period = Number.isInteger(size * slide) && size * slide > 0 ? size * slide : 1;
    this.#shift = Math.ceil(EARLIEST / period) * period;
  }

  in(time: number): number {
    return time + this.#shift;
  }

  /** Infinity is the end of the input. */
  out(time: number): number | 'end' {
    return time === Number.POSITIVE_INFINITY ? 'end' : time - this.#shift;
  }

  nanos(time: number): string {
    return `${BigInt(this.in(time)) * 1_000_000n}`;
  }
}

/** What a connector under test sends on, by pipeline, and how far it says event time is. */
export class Outlets implements Outputs {
  readonly results = new SinkConsumer();
  readonly late = new SinkConsumer();
  readonly pipelines: ReadonlyMap<string, Consumer>;
  readonly #signal: Signal;

  constructor(signal: Signal, lateSignal: Signal) {
    this.#signal = signal;
    this.pipelines = new Map<string, Consumer>([
      [`${signal}/results`, this.results],
      [`${lateSignal}/late`, this.late],
    ]);
  }

  for(signal: Signal): Consumer | undefined {
    return signal === this.#signal ? this.results : undefined;
  }
}

/** One event as a batch of one item; `json` is the OTLP request. */
export function batchOf(signal: Signal, json: object, watermarked: boolean): Telemetry {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(json)));
  const stream = { partition: PARTITION, watermarked };
  const context: RequestContext = { transport: 'test', metadata: new Map(), stream };
  return Telemetry.of(signal, bytes, items, context);
}

/**
 * Feeds a case to a connector, one event after the other, then the end of the input. `after` is called after each step
 * with how far event time was before it.
 */
export async function feed(
  testCase: StreamCase,
  times: Times,
  connector: Connector & Component,
  outlets: Outlets,
  batch: (event: Event, watermarked: boolean) => Telemetry,
  after: (before: number, now: number) => void,
): Promise<void> {
  const explicit = testCase.config.watermarks === 'explicit';
  await connector.start(new NopHost());
  let before = Number.NEGATIVE_INFINITY;
  const step = async (pending: void | Promise<void>): Promise<void> => {
    await pending;
    const now = outlets.results.watermarks.at(-1)?.[1] ?? Number.NEGATIVE_INFINITY;
    after(before, now);
    before = now;
  };
  for (const event of testCase.events) {
    if ('watermark' in event) await step(connector.watermark?.(PARTITION, times.in(event.watermark as number)));
    else await step(connector.consume(batch(event, explicit)));
  }
  await step(connector.watermark?.(PARTITION, Number.POSITIVE_INFINITY));
  await connector.shutdown();
}

/** The options of a `windows` section, or of a connector that has windows, as YAML. */
export function windowYaml(window: WindowOfCase): string {
  const time = (name: string, value: number | undefined) => (value === undefined ? [] : [`${name}: ${value}ms`]);
  const { type, size_ms, slide_ms, gap_ms, offset_ms, allowed_lateness_ms } = window;
  return [
    `type: ${type}`,
    ...time('size', size_ms),
    ...time('slide', slide_ms),
    ...time('gap', gap_ms),
    ...time('offset', offset_ms),
    ...time('allowed_lateness', allowed_lateness_ms),
  ].join('\n');
}

/** An attribute as text, '' where it is not there. */
export function textOf(attributes: readonly KeyValue[], name: string): string {
  return valueText(attributes.find(({ key }) => key === name)?.value);
}
