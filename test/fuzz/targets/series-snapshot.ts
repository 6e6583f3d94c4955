import assert from 'node:assert/strict';
import { config } from '../../../connectors/span_metrics/config.ts';
import { SpanMetricsConnector } from '../../../connectors/span_metrics/connector.ts';
import type { Checkpointed } from '../../../core/checkpoint.ts';
import type { Component } from '../../../core/component.ts';
import { readYaml } from '../../../core/config/read.ts';
import { PipelineError } from '../../../core/error.ts';
import { scan } from '../../../core/otlp/scan/scan.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { NopHost } from '../../../core/testing/nop-host.ts';
import { testSettings } from '../../../core/testing/settings.ts';
import { SinkConsumer } from '../../../core/testing/sink.ts';
import { streamBatch } from '../../../core/testing/streams.ts';
import type { Target } from '../engine.ts';

const DAMAGED = /^the snapshot is damaged/;
/** The first byte of an input says which of them the rest is. */
const NAMES = ['head', 'resource/0', 'resource/1', 'last_flushes', 'refused'];
const PARTITION = 't/0';
const FLUSH_MS = 60_000;

const options = readYaml(
  config,
  `
aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA
aggregation_cardinality_limit: 3
histogram: { exponential: { max_size: 10 }, dimensions: [{ name: k }] }
events: { enabled: true, dimensions: [{ name: k }] }
exemplars: { enabled: true }
`,
);

async function made() {
  const settings = testSettings({ id: 'span_metrics', kind: 'connector' });
  const sink = new SinkConsumer();
  const host = new NopHost();
  let state: Checkpointed | undefined;
  const keeper = {
    exactlyOnce: true,
    start: () => {},
    shutdown: () => {},
    open: () => {},
    async register(_owner: unknown, registered: Checkpointed) {
      state = registered;
    },
  };
  host.extensions.set('checkpoint', keeper as Component);
  Object.assign(host.overview, { extensions: ['checkpoint'] });
  const outputs = { for: () => sink, pipelines: new Map([['metrics', sink]]) };
  const connector = new SpanMetricsConnector(settings, options, outputs);
  await connector.start(host);
  const flush = async () => {
    settings.clock.advance(FLUSH_MS);
    await state?.settled?.(PARTITION);
  };
  return { connector, sink, state: state as Checkpointed, settings, flush };
}

function spans(...ids: readonly number[]): Telemetry {
  const resourceSpans = ['a', 'b'].map((service) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [
      {
        spans: ids.map((id) => ({
          traceId: id.toString(16).padStart(32, '0'),
          name: `span ${id}`,
          startTimeUnixNano: '1000',
          endTimeUnixNano: `${10 ** (id + 3)}`,
          attributes: [{ key: 'k', value: { intValue: id } }],
          events: [{ name: 'e' }],
        })),
      },
    ],
  }));
  return streamBatch('traces', { resourceSpans }, PARTITION);
}

function allOf(state: Checkpointed): Map<string, Buffer> {
  const entries = [...state.snapshot(PARTITION, 'all')];
  return new Map(entries.flatMap(([name, bytes]) => (bytes === undefined ? [] : [[name, bytes]])));
}

/** What a partition has in a snapshot: a delta that was refused, and what was counted since. */
async function valid(): Promise<Map<string, Buffer>> {
  const { connector, sink, state, flush } = await made();
  connector.consume(spans(1, 2));
  sink.refuse = new PipelineError('full');
  await flush();
  connector.consume(spans(1, 2, 3, 4, 5));
  return allOf(state);
}

const VALID = await valid();

/** The same from a partition that goes on from there. */
async function takenUp(entries: ReadonlyMap<string, Buffer>): Promise<Map<string, Buffer>> {
  const { state } = await made();
  state.restore(PARTITION, entries, 1);
  return allOf(state);
}

/** State of span_metrics: damaged, or it is written the same way again, and what is sent of it can be read. */
export const seriesSnapshot: Target = {
  name: 'series-snapshot',
  seeds: () => NAMES.map((name, i) => Buffer.concat([Buffer.from([i]), VALID.get(name) as Buffer])),
  async check(input) {
    const name = NAMES[(input[0] ?? 0) % NAMES.length] as string;
    const { connector, state, sink, flush } = await made();
    try {
      state.restore(PARTITION, new Map([...VALID, [name, input.subarray(1)]]), 1);
      const once = allOf(state);
      assert.deepEqual(await takenUp(once), once, 'written again');
    } catch (error) {
      if (error instanceof Error && DAMAGED.test(error.message)) return false;
      throw error;
    }
    connector.consume(spans(1, 6));
    await flush();
    for (const { ranges, items } of sink.batches) {
      let found = 0;
      for (const { buffer, start, end } of ranges) found += scan('metrics', buffer, start, end);
      assert.equal(found, items, 'points');
    }
    return true;
  },
};
