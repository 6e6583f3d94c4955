import assert from 'node:assert/strict';
import type { Checkpointed } from '../checkpoint.ts';
import type { Connector, Outputs } from '../component.ts';
import type { Consumer } from '../consumer.ts';
import { decodeJson } from '../otlp/json/decode.ts';
import type { Signal } from '../signal.ts';
import type { RequestContext } from '../telemetry/context.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { NopHost } from './nop-host.ts';
import { seededRandom } from './random-telemetry.ts';
import { SinkConsumer } from './sink.ts';

/** An OTLP/JSON request as a batch of a partition; without one it comes from nowhere in particular. */
export function streamBatch(signal: Signal, json: object, partition?: string, watermarked = false): Telemetry {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(json)));
  const stream = partition === undefined ? {} : { stream: { partition, watermarked } };
  const context: RequestContext = { transport: 'test', metadata: new Map(), ...stream };
  return Telemetry.of(signal, bytes, items, context);
}

export type Attributes = Readonly<Record<string, string | number>>;

function attributesOf(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { doubleValue: value },
  }));
}

/** Log records of a service: time in milliseconds, attributes. */
export function records(items: readonly (readonly [time: number, attributes: Attributes])[], service = 'api'): object {
  const logRecords = items.map(([time, attributes]) => ({
    timeUnixNano: `${time}000000`,
    attributes: attributesOf(attributes),
  }));
  const resource = { attributes: attributesOf({ 'service.name': service }) };
  return { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] };
}

/** Points of a gauge of a service: name, time in milliseconds, value, attributes. */
export function points(
  items: readonly (readonly [name: string, time: number, value: number, attributes?: Attributes])[],
  service = 'api',
): object {
  const metrics = items.map(([name, time, asDouble, attributes = {}]) => {
    const dataPoints = [{ timeUnixNano: `${time}000000`, asDouble, attributes: attributesOf(attributes) }];
    return { name, unit: 'ms', gauge: { dataPoints } };
  });
  const resource = { attributes: attributesOf({ 'service.name': service }) };
  return { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
}

/** Where a connector sends: results, and what is late, by the pipelines `SIGNAL/results` and `SIGNAL/late`. */
export class StreamSinks implements Outputs {
  readonly results = new SinkConsumer();
  readonly late = new SinkConsumer();
  readonly pipelines: ReadonlyMap<string, Consumer>;

  constructor(signal: Signal, lateSignal: Signal = signal) {
    this.pipelines = new Map<string, Consumer>([
      [`${signal}/results`, this.results],
      [`${lateSignal}/late`, this.late],
    ]);
  }

  for(): Consumer {
    return this.results;
  }

  /** All that came out, byte for byte. */
  get output(): unknown[] {
    const bytes = (sink: SinkConsumer) => sink.batches.map((batch) => batch.bytes().toString('latin1'));
    return [bytes(this.results).join(''), this.results.watermarks, bytes(this.late).join('')];
  }
}

type Stream = Connector & Checkpointed;

/**
 * Holds that a connector that is stopped again and again, and goes on from its snapshots in another process, sends byte
 * for byte what one sends that was never stopped. `next`: a batch of partition `p`, by chance; always the same for the
 * same numbers.
 */
export async function assertRestores(
  make: (sinks: StreamSinks) => Stream,
  sinksOf: () => StreamSinks,
  next: (random: () => number, step: number) => Telemetry,
  seeds: number,
  steps = 60,
): Promise<void> {
  for (let seed = 1; seed <= seeds; seed++) {
    const whole = sinksOf();
    const uninterrupted = make(whole);
    await uninterrupted.start(new NopHost());
    const broken = sinksOf();
    let restarted = make(broken);
    await restarted.start(new NopHost());
    const chance = seededRandom(seed + 1_000);
    const random = seededRandom(seed);
    let entries = new Map<string, Buffer>();
    let isFirst = true;
    for (let step = 0; step < steps; step++) {
      const batch = next(random, step);
      await uninterrupted.consume(batch.retain());
      await restarted.consume(batch);
      const luck = chance();
      if (luck > 0.4) continue;
      for (const [name, bytes] of restarted.snapshot('p', isFirst ? 'all' : 'changed')) {
        if (bytes === undefined) entries.delete(name);
        else entries.set(name, bytes);
      }
      isFirst = false;
      if (luck > 0.15) continue;
      restarted = make(broken);
      await restarted.start(new NopHost());
      restarted.restore('p', entries, restarted.version);
      entries = new Map(entries);
      isFirst = chance() < 0.5;
      if (isFirst) entries.clear();
    }
    await uninterrupted.shutdown();
    await restarted.shutdown();
    assert.deepEqual(broken.output, whole.output, `seed ${seed}`);
    assert.ok(whole.results.items > 0, 'the test has to let something come out');
  }
}
