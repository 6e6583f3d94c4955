import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpointed } from '../../core/checkpoint.ts';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import type { StreamDelivery } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { FakeClock, settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { seededRandom } from '../../core/testing/random-telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { streamBatch } from '../../core/testing/streams.ts';
import { config } from './config.ts';
import { SpanMetricsConnector } from './connector.ts';

const FLUSH = 60_000;
const DELTA = 'aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA\n';
const SHORT = 'namespace: ""\nexclude_dimensions: [service.name, span.kind, status.code]\n';
const CALLS = `${SHORT}histogram: {disable: true}\n`;

type Entries = Map<string, Buffer>;

/** An extension that keeps what is registered. */
class Keeper implements Component {
  readonly exactlyOnce: boolean;
  state: Checkpointed | undefined;
  constructor(exactlyOnce: boolean) {
    this.exactlyOnce = exactlyOnce;
  }
  start(): void {}
  shutdown(): void {}
  async register(_owner: unknown, state: Checkpointed): Promise<void> {
    this.state = state;
  }
  open(): never {
    throw new Error('there is no source');
  }
}

interface Options {
  readonly epoch?: number;
  readonly sinks?: readonly SinkConsumer[];
  readonly exactlyOnce?: boolean;
  readonly mostSeries?: number;
  readonly random?: number;
}

/** A connector with an extension for checkpoints. */
async function started(yaml: string, options: Options = {}) {
  const { epoch, exactlyOnce = true, sinks = [new SinkConsumer()], random = 0.5, mostSeries } = options;
  const clock = new FakeClock(epoch);
  const settings = testSettings({ id: 'span_metrics', kind: 'connector', clock, random: () => random });
  const keeper = new Keeper(exactlyOnce);
  const host = new NopHost();
  host.extensions.set('checkpoint', keeper);
  (host.overview.extensions as string[]).push('checkpoint');
  const [first = new SinkConsumer()] = sinks;
  const outputs = { for: () => first, pipelines: new Map(sinks.map((sink, i) => [`metrics/${i}`, sink])) };
  const connector = new SpanMetricsConnector(settings, readYaml(config, yaml), outputs, mostSeries);
  await connector.start(host);
  return { connector, state: keeper.state as Checkpointed, clock, settings, next: first };
}

type Json = Readonly<Record<string, unknown>>;
const attributesOf = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));

function requestOf(spans: readonly Json[], resource: Readonly<Record<string, string>>): object {
  return { resourceSpans: [{ resource: { attributes: attributesOf(resource) }, scopeSpans: [{ spans }] }] };
}

/** Spans of these names in a partition; undefined: from nowhere in particular. */
function spans(partition: string | undefined, ...names: string[]): Telemetry {
  const request = requestOf(
    names.map((name) => ({ name })),
    { 'service.name': 'shop', ...(partition === undefined ? {} : { 'source.partition': 'theirs' }) },
  );
  return streamBatch('traces', request, partition);
}

function withDelivery(batch: Telemetry, delivery: StreamDelivery): Telemetry {
  const stream = { ...(batch.context.stream ?? { partition: '', watermarked: false }), delivery };
  return new Telemetry('traces', batch.ranges, batch.items, { ...batch.context, stream });
}

/** `partition name value`, of sums, batch by batch. */
function callsOf({ batches }: SinkConsumer): string[][] {
  return batches.map((batch) =>
    decodeTree('metrics', batch).resourceMetrics.flatMap(({ resource, scopeMetrics }) => {
      const text = (attributes: typeof resource, key: string) =>
        valueText(attributes?.attributes.find((one) => one.key === key)?.value);
      const partition = text(resource, 'source.partition');
      assert.equal(partition, batch.context.stream?.partition ?? '');
      return scopeMetrics.flatMap(({ metrics }) =>
        metrics.flatMap(({ sum }) =>
          (sum?.dataPoints ?? []).map(({ attributes, asInt }) => {
            const name = valueText(attributes.find(({ key }) => key === 'span.name')?.value);
            return `${partition} ${name} ${asInt}`;
          }),
        ),
      );
    }),
  );
}

function all(state: Checkpointed, partition: string): Entries {
  return new Map(state.snapshot(partition, 'all')) as Entries;
}

function merge(entries: Entries, changes: ReadonlyMap<string, Buffer | undefined>): void {
  for (const [name, bytes] of changes) {
    if (bytes === undefined) entries.delete(name);
    else entries.set(name, bytes);
  }
}

/** A few spans of a few resources, with whatever may be part of a snapshot. */
function randomSpans(random: () => number): Telemetry {
  const upTo = (most: number) => Math.floor(random() * most);
  const begin = 1_700_000_000_000_000_000n;
  const list = Array.from({ length: 1 + upTo(5) }, () => ({
    name: `span ${upTo(6)}`,
    kind: upTo(6),
    status: { code: upTo(3) },
    traceId: `${1 + upTo(9)}`.repeat(32),
    spanId: '1'.repeat(16),
    traceState: upTo(5) === 0 ? 'ot=th:c' : '',
    startTimeUnixNano: `${begin}`,
    endTimeUnixNano: `${begin + BigInt(upTo(4) === 0 ? 0 : Math.round(10 ** (random() * 12)))}`,
    attributes: attributesOf(upTo(2) === 0 ? { user: `ü${upTo(4)}` } : {}),
    events: upTo(3) === 0 ? [{ name: 'e', attributes: attributesOf({ user: `${upTo(3)}` }) }] : [],
  }));
  const resource: Record<string, string> = { 'service.name': `service ${upTo(5)}`, 'source.partition': 'theirs' };
  return streamBatch('traces', requestOf(list, upTo(2) === 0 ? resource : { 'service.name': 'one' }), 't/1');
}

const CONFIGURATIONS: Readonly<Record<string, string>> = {
  cumulative: '',
  'cumulative, with exemplars': 'exemplars: {enabled: true, max_per_data_point: 3}',
  'cumulative, with limits and times': `
    aggregation_cardinality_limit: 4
    resource_metrics_cache_size: 3
    series_expiration: 90s
    metrics_expiration: 150s
    exemplars: {enabled: true}
    dimensions: [{name: user}]
    histogram: {exponential: {max_size: 8}, dimensions: [{name: host, default: none}]}
    events: {enabled: true, dimensions: [{name: user}]}`,
  delta: `
    aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA
    metric_timestamp_cache_size: 20
    exemplars: {enabled: true}
    calls_dimensions: [{glob: 'us*'}]
    histogram: {exponential: {}}
    events: {enabled: true, dimensions: [{name: user}]}`,
};

for (const [name, yaml] of Object.entries(CONFIGURATIONS)) {
  test(`what goes on from snapshots sends byte for byte what was never ended: ${name}`, async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = seededRandom(seed);
      const chance = seededRandom(seed + 1000);
      const [whole, broken] = [new SinkConsumer(), new SinkConsumer()];
      const uninterrupted = await started(yaml, { sinks: [whole] });
      let restarted = await started(yaml, { sinks: [broken], random: 0.1 });
      const entries: Entries = new Map();
      let which: 'all' | 'changed' = 'all';
      for (let step = 0; step < 80; step++) {
        const batch = randomSpans(random);
        uninterrupted.connector.consume(batch.retain());
        restarted.connector.consume(batch);
        for (const { clock } of [uninterrupted, restarted]) await clock.advanceAsync(20_000);
        const luck = chance();
        if (luck > 0.5) continue;
        if (which === 'all') entries.clear();
        merge(entries, restarted.state.snapshot('t/1', which));
        assert.deepEqual(entries, all(restarted.state, 't/1'), `seed ${seed}, step ${step}: increments`);
        which = 'changed';
        if (luck > 0.2) continue;
        const now = restarted.clock.now();
        const sinceFlush = ((step + 1) * 20_000) % FLUSH;
        restarted = await started(yaml, { epoch: now - sinceFlush, sinks: [broken], random: luck });
        restarted.state.restore('t/1', entries, restarted.state.version);
        await restarted.clock.advanceAsync(sinceFlush);
        which = luck > 0.1 ? 'all' : 'changed';
      }
      const bytes = (sink: SinkConsumer) => sink.batches.map((batch) => batch.bytes().toString('latin1'));
      assert.ok(whole.items > 100, 'something comes out');
      assert.deepEqual(bytes(broken), bytes(whole), `seed ${seed}`);
    }
  });
}

test('partitions are counted apart, and go on where they go', async () => {
  const first = await started(CALLS);
  first.connector.consume(spans('t/0', 'a', 'b'));
  first.connector.consume(spans('t/1', 'a'));
  await first.clock.advanceAsync(FLUSH);
  first.connector.consume(spans('t/1', 'a'));
  assert.deepEqual(first.state.partitions(), ['', 't/0', 't/1']);
  const second = await started(CALLS, { epoch: first.clock.now() });
  second.state.restore('t/1', all(first.state, 't/1'), 1);
  first.state.forget('t/1');
  assert.equal(first.settings.meter.value('otelcol_connector_span_metrics_series'), 2);
  second.connector.consume(spans('t/1', 'a'));
  for (const { clock } of [first, second]) await clock.advanceAsync(FLUSH);
  assert.deepEqual(callsOf(first.next), [['t/0 a 0', 't/0 b 0'], ['t/1 a 0'], ['t/0 a 1', 't/0 b 1']]);
  assert.deepEqual(callsOf(second.next), [['t/1 a 3']]);
  const starts = [first.next.batches[1], second.next.batches[0]].map(
    (batch) =>
      decodeTree('metrics', batch as Telemetry).resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.sum?.dataPoints[0]
        ?.startTimeUnixNano,
  );
  assert.equal(starts[0], starts[1]);
});

test('a partition that is forgotten while its metrics are under way leaves nothing', async () => {
  const { connector, state, clock, next, settings } = await started(DELTA + CALLS);
  connector.consume(spans('t/0', 'a'));
  const open = next.hold();
  assert.equal(state.settled?.('t/0'), undefined);
  await clock.advanceAsync(FLUSH);
  let settled = false;
  void state.settled?.('t/0')?.then(() => {
    settled = true;
  });
  await settle();
  assert.equal(settled, false);
  state.forget('t/0');
  let seen: Telemetry | undefined;
  next.refuse = (batch) => {
    seen = batch;
    return new PipelineError('no');
  };
  open();
  await settle();
  assert.equal(settled, true);
  assert.deepEqual(state.partitions(), ['']);
  next.refuse = undefined;
  await clock.advanceAsync(FLUSH);
  assert.equal(next.items, 0);
  assert.deepEqual(settings.logger.messages('error'), []);
  assert.equal(isReleased(seen as Telemetry), true);
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_series'), 0);
});

test('what comes again because another stage refused it is not counted again', async () => {
  const { connector, clock, next } = await started(CALLS);
  for (const attempt of [0, 1, 2]) connector.consume(withDelivery(spans('t/0', 'a'), { position: 7n, attempt }));
  connector.consume(withDelivery(spans('t/0', 'a'), { position: 8n, attempt: 0 }));
  await clock.advanceAsync(2 * FLUSH);
  assert.deepEqual(callsOf(next).at(-1), ['t/0 a 2']);
});

test('a delta that is refused for now waits, for who refused it, and holds back the next one', async () => {
  const sinks = [new SinkConsumer(), new SinkConsumer()] as const;
  const { connector, clock, state, settings } = await started(DELTA + CALLS, { sinks });
  sinks[1].refuse = new PipelineError('full');
  for (let i = 0; i < 3; i++) {
    connector.consume(spans('t/0', 'a'));
    await clock.advanceAsync(FLUSH);
  }
  assert.deepEqual(sinks.map(callsOf), [[['t/0 a 1']], []]);
  assert.deepEqual(settings.logger.messages('error'), [
    'Failed ConsumeMetrics',
    'Failed ConsumeMetrics',
    'Failed ConsumeMetrics',
  ]);
  const others = [new SinkConsumer(), new SinkConsumer()] as const;
  const again = await started(DELTA + CALLS, { sinks: others, epoch: clock.now() });
  again.state.restore('t/0', all(state, 't/0'), 1);
  await again.clock.advanceAsync(FLUSH);
  assert.deepEqual(others.map(callsOf), [[['t/0 a 2']], [['t/0 a 1'], ['t/0 a 2']]]);

  sinks[1].refuse = undefined;
  await clock.advanceAsync(FLUSH);
  assert.deepEqual(sinks.map(callsOf), [
    [['t/0 a 1'], ['t/0 a 2']],
    [['t/0 a 1'], ['t/0 a 2']],
  ]);
  const changed = state.snapshot('t/0', 'changed');
  assert.deepEqual([...changed.keys()].sort(), ['head', 'last_flushes', 'refused', 'resource/0']);
  assert.deepEqual([changed.get('refused'), changed.get('resource/0')], [undefined, undefined]);
  assert.equal(state.snapshot('t/0', 'changed').size, 0);
});

test('a delta that is refused for good is dropped; a cumulative value is in the next one', async () => {
  for (const yaml of [DELTA + CALLS, CALLS]) {
    const { connector, clock, next } = await started(yaml);
    next.refuse = new PipelineError('no', { permanent: yaml !== CALLS });
    connector.consume(spans('t/0', 'a'));
    await clock.advanceAsync(FLUSH);
    next.refuse = undefined;
    connector.consume(spans('t/0', 'a'));
    await clock.advanceAsync(FLUSH);
    assert.deepEqual(callsOf(next), [[yaml === CALLS ? 't/0 a 2' : 't/0 a 1']]);
  }
});

test('what waits is kept until it is forgotten', async () => {
  const { connector, clock, next, state } = await started(DELTA + CALLS);
  let seen: Telemetry | undefined;
  next.refuse = (batch) => {
    seen = batch;
    return new PipelineError('full');
  };
  connector.consume(spans('t/0', 'a'));
  await clock.advanceAsync(FLUSH);
  assert.equal(isReleased(seen as Telemetry), false);
  state.forget('t/0');
  assert.equal(isReleased(seen as Telemetry), true);
});

test('state that was kept with another configuration does not count, and of another version is a fault', async () => {
  const first = await started(SHORT);
  first.connector.consume(spans('t/0', 'a', 'b'));
  const entries = all(first.state, 't/0');
  const others = [
    'dimensions: [{name: d}]',
    'histogram: {explicit: {buckets: [1ms]}}',
    'histogram: {exponential: {}}',
    'histogram: {unit: s}',
    'histogram: {disable: true}',
    'events: {enabled: true, dimensions: [{name: d}]}',
    DELTA,
  ];
  for (const yaml of others) {
    const { connector, state, clock, next, settings } = await started(`${SHORT}${yaml}`);
    state.restore('t/0', entries, 1);
    assert.deepEqual(settings.logger.messages('warn'), [
      'What is counted is configured otherwise than before: what was kept does not count',
    ]);
    connector.consume(spans('t/0', 'a'));
    await clock.advanceAsync(2 * FLUSH);
    const last = yaml === DELTA ? callsOf(next)[0] : callsOf(next).at(-1);
    assert.deepEqual(last, ['t/0 a 1'], yaml);
  }
  const same = await started(`${SHORT}metrics_flush_interval: 30s\nresource_metrics_cache_size: 5`);
  same.state.restore('t/0', entries, 1);
  assert.deepEqual(same.settings.logger.messages('warn'), []);
  assert.throws(() => same.state.restore('t/1', entries, 2), /series of version 2 cannot be read/);
});

test('a snapshot that is damaged is a fault, and leaves nothing', async () => {
  const { connector, state, settings } = await started('histogram: {exponential: {}}\nexemplars: {enabled: true}');
  const random = seededRandom(1);
  for (let i = 0; i < 5; i++) connector.consume(randomSpans(random));
  const entries = all(state, 't/1');
  state.forget('t/1');
  for (const [name, bytes] of entries) {
    for (let size = 0; size < bytes.length; size += 7) {
      const damage = new Map(entries).set(name, bytes.subarray(0, size));
      assert.throws(() => state.restore('t/1', damage, 1), /^Error: the snapshot is damaged/, `${name} ${size}`);
      state.forget('t/1');
    }
    assert.throws(() => state.restore('t/1', new Map(entries).set(name, Buffer.alloc(bytes.length, 0xff)), 1));
    state.forget('t/1');
  }
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_series'), 0);
});

test('a topic that keeps each name for ever has few names to keep', async () => {
  for (const yaml of [DELTA + CALLS, `${CALLS}resource_metrics_cache_size: 2`]) {
    const { connector, clock, state } = await started(yaml);
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) {
      for (const service of [i, i + 1]) {
        connector.consume(streamBatch('traces', requestOf([{ name: 'a' }], { 'service.name': `${service}` }), 't/0'));
      }
      for (const name of state.snapshot('t/0', 'changed').keys()) names.add(name);
      await clock.advanceAsync(FLUSH);
    }
    const resources = [...names].filter((name) => name.startsWith('resource/')).sort();
    assert.deepEqual(resources, ['resource/0', 'resource/1', 'resource/2'].slice(0, yaml === DELTA + CALLS ? 2 : 3));
  }
});

test('where nothing was counted nothing is sent', async () => {
  const { clock, next, connector, state } = await started(CALLS);
  connector.consume(spans('t/0', 'a'));
  state.forget('t/0');
  await clock.advanceAsync(3 * FLUSH);
  assert.equal(next.calls, 0);
});

test('at the end of the process what is kept goes on where it was', async () => {
  const first = await started(CALLS, { exactlyOnce: false });
  first.connector.consume(spans(undefined, 'a'));
  const before = all(first.state, '');
  await first.connector.shutdown();
  assert.deepEqual(callsOf(first.next), [[' a 0']]);
  const killed = await started(CALLS, { exactlyOnce: false });
  killed.state.restore('', before, 1);
  await killed.connector.shutdown();
  assert.deepEqual(callsOf(killed.next), [[' a 0']], 'what was to be sent is known after a restart');
  const second = await started(CALLS, { exactlyOnce: false, epoch: first.clock.now() });
  second.state.restore('', all(first.state, ''), 1);
  second.connector.consume(spans(undefined, 'a'));
  await second.clock.advanceAsync(FLUSH);
  assert.deepEqual(callsOf(second.next), [[' a 2']]);

  // nobody keeps it: all is said
  const third = await started(CALLS);
  third.connector.consume(spans(undefined, 'a'));
  await third.connector.shutdown();
  assert.deepEqual(callsOf(third.next), [[' a 1']]);
});

test('all partitions together have room for so many series', async () => {
  const { connector, clock, next, state, settings } = await started(CALLS, { mostSeries: 2 });
  for (const partition of ['t/0', 't/1', 't/2']) connector.consume(spans(partition, 'a'));
  await clock.advanceAsync(2 * FLUSH);
  assert.deepEqual(callsOf(next).slice(3), [['t/0 a 1'], ['t/1 a 1'], ['t/2  1']]);
  for (const partition of ['t/0', 't/1', 't/2']) state.forget(partition);
  assert.equal(settings.meter.value('otelcol_connector_span_metrics_series'), 0);
});
