import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Component, Settings } from '../../core/component.ts';
import type { ComponentKind } from '../../core/component-id.ts';
import { struct } from '../../core/config/struct.ts';
import type { Consumer, Outputs } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import { defineConnector, defineExporter, defineProcessor, defineReceiver, type Factory } from '../../core/factory.ts';
import type { Signal } from '../../core/signal.ts';
import { Slab } from '../../core/telemetry/slab.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { TestMeter, testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import type { ConfiguredComponent, PipelineConfig } from '../config/types.ts';
import { buildGraph } from './build.ts';

const idle: Component = { start() {}, shutdown() {} };
const base = { description: 'test', config: struct('test.Config', 'Test.', {}), surface: {}, releases: true };
const ALL = { traces: 'stable', metrics: 'stable', logs: 'stable' } as const;

/** Components by id, as a configuration would give them; what they were given is kept for the test. */
class Fakes {
  readonly outputs = new Map<string, Outputs>();
  readonly sinks = new Map<string, SinkConsumer>();
  readonly settings: Settings[] = [];
  readonly meter = new TestMeter();

  receiver(id: string): ConfiguredComponent {
    const create = (_: Settings, __: unknown, outputs: Outputs): Component => {
      this.outputs.set(id, outputs);
      return idle;
    };
    return this.#component('receiver', id, defineReceiver({ ...base, type: 'r', signals: ALL, create }));
  }

  processor(id: string, step: (batch: Telemetry, next: Consumer) => void | Promise<void>): ConfiguredComponent {
    const create = (_: Settings, __: unknown, next: Consumer): Component & Consumer => ({
      ...idle,
      consume: (batch) => step(batch, next),
    });
    return this.#component('processor', id, defineProcessor({ ...base, type: 'p', signals: ALL, create }));
  }

  exporter(id: string, releases = true): ConfiguredComponent {
    const create = (): Component & Consumer => {
      const sink = new SinkConsumer();
      this.sinks.set(id, sink);
      return {
        ...idle,
        consume: (batch) => sink.consume(batch),
        watermark: (partition, time) => sink.watermark(partition, time),
      };
    };
    return this.#component('exporter', id, defineExporter({ ...base, releases, type: 'e', signals: ALL, create }));
  }

  forward(id: string): ConfiguredComponent {
    const create = (_: Settings, __: unknown, outputs: Outputs): Component & Consumer => ({
      ...idle,
      consume: (batch) => outputs.for(batch.signal)?.consume(batch),
    });
    const signals = { traces: { traces: 'stable' }, logs: { logs: 'stable' } } as const;
    return this.#component('connector', id, defineConnector({ ...base, type: 'c', signals, create }));
  }

  build(pipelines: readonly PipelineConfig[]): string[] {
    const nodes = buildGraph(pipelines, (component, signals) => {
      const settings = { ...testSettings(), meter: this.meter, name: component.id, signals };
      this.settings.push(settings);
      return settings;
    });
    return nodes.map((node) => node.id);
  }

  send(receiver: string, signal: Signal = 'traces', batch = Telemetry.of(signal, Buffer.from([]), 3)): unknown {
    return this.outputs.get(receiver)?.for(signal)?.consume(batch);
  }

  #component(kind: ComponentKind, id: string, factory: Factory): ConfiguredComponent {
    return { kind, id, name: '', factory, config: {}, at: { source: 'test', line: 1, column: 1 } };
  }
}

function pipeline(id: string, signal: Signal, parts: Partial<PipelineConfig>): PipelineConfig {
  const at = { source: 'test', line: 1, column: 1 };
  return { id, signal, name: '', receivers: [], processors: [], exporters: [], at, ...parts };
}

test('starts from the end: exporters, processors from the last, connectors after what they feed, receivers last', () => {
  const fakes = new Fakes();
  const pass = (batch: Telemetry, next: Consumer): void | Promise<void> => next.consume(batch);
  const forward = fakes.forward('c');
  const order = fakes.build([
    pipeline('traces/a', 'traces', {
      receivers: [fakes.receiver('r')],
      processors: [fakes.processor('p1', pass), fakes.processor('p2', pass)],
      exporters: [forward],
    }),
    pipeline('traces/b', 'traces', { receivers: [forward], exporters: [fakes.exporter('e')] }),
  ]);
  assert.deepEqual(order, ['e', 'c', 'p2', 'p1', 'r']);
  fakes.send('r');
  assert.equal(fakes.sinks.get('e')?.items, 3);
});

test('receivers, exporters and connectors exist once per id, processors once per pipeline', () => {
  const fakes = new Fakes();
  const parts = {
    receivers: [fakes.receiver('r')],
    processors: [fakes.processor('p', (batch, next) => next.consume(batch))],
    exporters: [fakes.exporter('e')],
  };
  const order = fakes.build([pipeline('traces', 'traces', parts), pipeline('logs', 'logs', parts)]);
  assert.deepEqual(order, ['e', 'p', 'p', 'r']);
  assert.deepEqual(fakes.settings.find((s) => s.name === 'e')?.signals, ['traces', 'logs']);
  assert.equal(fakes.outputs.get('r')?.for('metrics'), undefined);
  assert.deepEqual([...(fakes.outputs.get('r')?.pipelines.keys() ?? [])], ['traces', 'logs']);
});

test('a fan-out calls all, also after a refusal, and tells the sender who refused', async () => {
  const fakes = new Fakes();
  fakes.build([
    pipeline('traces', 'traces', {
      receivers: [fakes.receiver('r')],
      exporters: [fakes.exporter('e1'), fakes.exporter('e2'), fakes.exporter('e3')],
    }),
  ]);
  const [e1, e2, e3] = ['e1', 'e2', 'e3'].map((id) => fakes.sinks.get(id) as SinkConsumer);
  (e1 as SinkConsumer).refuse = new PipelineError('full', { retryAfterMs: 500 });
  assert.throws(() => fakes.send('r'), { message: 'full', component: 'exporter e1', retryAfterMs: 500 });
  assert.equal(e2?.items, 3);
  (e2 as SinkConsumer).async = true;
  await assert.rejects(fakes.send('r') as Promise<void>, { message: 'full' });
  assert.deepEqual([e2?.items, e3?.items], [6, 6]);
});

test('counts per batch what was accepted, refused, came in and went out', async () => {
  const fakes = new Fakes();
  fakes.build([
    pipeline('traces', 'traces', {
      receivers: [fakes.receiver('r')],
      processors: [
        fakes.processor('half', (batch, next) => {
          const part = batch.derive([], 1);
          batch.release();
          return next.consume(part);
        }),
      ],
      exporters: [fakes.exporter('e')],
    }),
  ]);
  const value = (name: string): number | undefined => fakes.meter.series(name)[0]?.value;
  const sink = fakes.sinks.get('e') as SinkConsumer;
  fakes.send('r');
  sink.async = true;
  await fakes.send('r');
  sink.refuse = new PipelineError('no');
  await assert.rejects(fakes.send('r') as Promise<void>);
  sink.async = false;
  assert.throws(() => fakes.send('r'));
  assert.equal(value('otelcol_receiver_accepted_spans'), 6);
  assert.equal(value('otelcol_receiver_refused_spans'), 6);
  assert.equal(value('otelcol_receiver_failed_spans'), 0);
  assert.equal(value('otelcol_processor_incoming_items'), 12);
  assert.equal(value('otelcol_processor_outgoing_items'), 4);
});

test('a mark of event time reaches who works in it, past stages that do not, but not past those that keep data', () => {
  for (const surface of [{}, { stateful: true }]) {
    const fakes = new Fakes();
    const passing = fakes.processor('p', (batch, next) => next.consume(batch));
    const processor = { ...passing, factory: { ...passing.factory, surface } as Factory };
    const exporters = ['e1', 'e2'].map((id) => fakes.exporter(id));
    fakes.build([
      pipeline('traces', 'traces', { receivers: [fakes.receiver('r')], processors: [processor], exporters }),
    ]);
    fakes.outputs.get('r')?.for('traces')?.watermark?.('topic/1', 1000);
    const expected = 'stateful' in surface ? [] : [['topic/1', 1000]];
    assert.deepEqual(fakes.sinks.get('e1')?.watermarks, expected);
    assert.deepEqual(fakes.sinks.get('e2')?.watermarks, expected);
  }
});

test('the memory of a batch is not used again where a component does not promise to release', () => {
  for (const releases of [true, false]) {
    const fakes = new Fakes();
    const exporters = [fakes.exporter('e', releases)];
    fakes.build([pipeline('traces', 'traces', { receivers: [fakes.receiver('r')], exporters })]);
    const slab = new Slab(10);
    slab.retain();
    fakes.send('r', 'traces', new Telemetry('traces', [{ buffer: slab.buffer, start: 0, end: 10, slab }], 1));
    fakes.sinks.get('e')?.clear();
    // releasing once more is a defect only where the batch has let go of the slab
    if (releases) assert.throws(() => slab.release());
    else assert.doesNotThrow(() => slab.release());
  }
});
