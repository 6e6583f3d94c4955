/** Batches of points of many series, which can be given another time, so that making them is not measured. */
import { decodeJson } from '../../core/otlp/json/decode.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';

export const BATCH = 1_000;
/** The beginning of a minute. */
export const START = 1_700_000_040_000;
const SERVICES = 10;

/** A point of each of so many series at one time: ten services with a hundred metrics each. */
export class Points {
  readonly #bytes: Buffer;
  readonly #places: number[] = [];
  readonly #context: RequestContext | undefined;

  /** `from`: the number of the first series. */
  constructor(from: number, context?: RequestContext) {
    this.#context = context;
    this.#bytes = encoded(from);
    const stamp = nanos(START);
    for (let at = this.#bytes.indexOf(stamp); at >= 0; at = this.#bytes.indexOf(stamp, at + 8)) this.#places.push(at);
  }

  /** The same memory each time. */
  at(time: number): Telemetry {
    const stamp = nanos(time);
    for (const place of this.#places) stamp.copy(this.#bytes, place);
    return Telemetry.of('metrics', this.#bytes, BATCH, this.#context);
  }
}

export function pointsOf(keys: number, context?: RequestContext): Points[] {
  return Array.from({ length: keys / BATCH }, (_, i) => new Points(i * BATCH, context));
}

function encoded(from: number): Buffer {
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const resourceMetrics = Array.from({ length: SERVICES }, (_, service) => {
    const metrics = Array.from({ length: BATCH / SERVICES }, (_, i) => {
      const attributes = [attribute('host', 'h1'), attribute('zone', 'eu-1')];
      const point = { timeUnixNano: `${START}000000`, asDouble: (i * 7919) % 1000, attributes };
      return { name: `metric.number.${i}`, unit: 'ms', gauge: { dataPoints: [point] } };
    });
    const name = `service-${(from / BATCH) * SERVICES + service}`;
    const attributes = [attribute('service.name', name), attribute('host.name', 'x')];
    return { resource: { attributes }, scopeMetrics: [{ metrics }] };
  });
  return Buffer.from(decodeJson('metrics', Buffer.from(JSON.stringify({ resourceMetrics }))).bytes);
}

function nanos(millis: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(millis) * 1_000_000n);
  return bytes;
}
