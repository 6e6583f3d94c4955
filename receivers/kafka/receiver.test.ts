import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { SpanMessages, toJson } from '../../core/jaeger/span-message.ts';
import type {
  ConsumerOptions,
  IncomingRecord,
  KafkaDriver,
  RecordBatch,
  RecordHandler,
} from '../../core/kafka/client.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { spanBatch, spanNames } from '../../core/testing/spans.ts';
import { readJson } from '../../core/zipkin/json.ts';
import { writeProto } from '../../core/zipkin/protobuf.ts';
import { config } from './config.ts';
import { KafkaReceiver } from './receiver.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A receiver whose broker is the test. */
async function receiver(yaml: string, known: readonly string[] = []) {
  const settings = testSettings({ id: 'kafka', kind: 'receiver' });
  const sinks = { traces: new SinkConsumer(), metrics: new SinkConsumer(), logs: new SinkConsumer() };
  const group: { topics?: readonly string[]; handler?: RecordHandler; lost?: (error: unknown) => void } = {};
  const failures: Error[] = [];
  let joins = 0;
  let options: ConsumerOptions | undefined;
  const driver = {
    listTopics: async () => [...known],
    async join(given, topics, handler, lost) {
      joins++;
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      options = given;
      Object.assign(group, { topics, handler, lost });
      return { close: async () => {} };
    },
  } as Partial<KafkaDriver> as KafkaDriver;
  const outputs = { for: (signal: keyof typeof sinks) => sinks[signal], pipelines: new Map() };
  const made = new KafkaReceiver(settings, readYaml(config, yaml), outputs, async () => driver);
  cleanups.push(() => made.shutdown());
  return {
    made,
    settings,
    sinks,
    group,
    failures,
    joins: () => joins,
    options: () => options as ConsumerOptions,
    async start() {
      await made.start(new NopHost());
      await tick();
      await tick();
    },
  };
}

function records(values: readonly (Buffer | string)[], headers: IncomingRecord['headers'] = []): IncomingRecord[] {
  return values.map((value, i) => ({
    offset: BigInt(i),
    timestamp: 1000,
    key: undefined,
    value: Buffer.from(value),
    headers,
  }));
}

function batchOf(topic: string, list: readonly IncomingRecord[]) {
  const done: number[] = [];
  const state = { active: true };
  const batch: RecordBatch = {
    topic,
    partition: 0,
    records: list,
    highWatermark: 10n,
    active: () => state.active,
    done: ({ offset }) => done.push(Number(offset)),
  };
  return { batch, done, state };
}

const spans = (...names: string[]) => Buffer.from(spanBatch(names, { 'service.name': 'shop' }).bytes());

test('a record is done when the pipeline accepted it', async () => {
  const { start, group, sinks, settings } = await receiver('');
  await start();
  assert.deepEqual(group.topics, ['otlp_spans', 'otlp_metrics', 'otlp_logs']);
  const open = sinks.traces.hold();
  const { batch, done } = batchOf('otlp_spans', records([spans('a', 'b'), spans('c')]));
  const handled = group.handler?.(batch);
  await tick();
  assert.deepEqual(done, []);
  open();
  await handled;
  assert.deepEqual(done, [0, 1]);
  assert.deepEqual(sinks.traces.batches.map(spanNames), [['a', 'b'], ['c']]);
  const { context } = sinks.traces.batches[1] ?? {};
  assert.deepEqual([context?.transport, context?.metadata.get('kafka.offset')], ['kafka', ['1']]);
  const { meter } = settings;
  assert.equal(meter.value('otelcol_kafka_receiver_records', { topic: 'otlp_spans', partition: '0' }), 2);
  assert.equal(meter.value('otelcol_kafka_receiver_offset_lag'), 8);
});

test('what is refused for now is handed on again until it is accepted', async () => {
  const { start, group, sinks, settings } = await receiver('');
  await start();
  sinks.traces.refuse = new PipelineError('memory is short');
  const { batch, done } = batchOf('otlp_spans', records([spans('a')]));
  const handled = group.handler?.(batch);
  for (let i = 0; i < 100; i++) {
    await tick();
    settings.clock.advance(200);
  }
  assert.deepEqual(done, []);
  assert.ok(sinks.traces.calls > 3);
  sinks.traces.refuse = undefined;
  for (let i = 0; i < 100; i++) {
    await tick();
    settings.clock.advance(200);
  }
  await handled;
  assert.deepEqual([done, sinks.traces.items], [[0], 1]);
  assert.equal(settings.logger.messages('error').length, 1);
});

test('who waits for the pipeline stops when the partition is given away', async () => {
  const { start, group, sinks, settings } = await receiver('');
  await start();
  sinks.traces.refuse = new PipelineError('memory is short');
  const { batch, done, state } = batchOf('otlp_spans', records([spans('a')]));
  const handled = group.handler?.(batch);
  await tick();
  state.active = false;
  settings.clock.advance(200);
  await handled;
  assert.deepEqual(done, []);
});

test('unreadable records are counted and passed over, or keep their partition', async () => {
  const bad = ['no protobuf', spans('a')];
  const lenient = await receiver('');
  await lenient.start();
  const first = batchOf('otlp_spans', records(bad));
  await lenient.group.handler?.(first.batch);
  assert.deepEqual(first.done, [0, 1]);
  assert.equal(lenient.settings.meter.value('otelcol_kafka_receiver_unmarshal_failed_spans'), 1);
  const strict = await receiver('message_marking: {after: true}');
  await strict.start();
  const second = batchOf('otlp_spans', records(bad));
  const handled = strict.group.handler?.(second.batch);
  await tick();
  assert.deepEqual(second.done, []);
  second.state.active = false;
  strict.settings.clock.advance(200);
  await handled;
  assert.equal(strict.sinks.traces.calls, 0);
});

test('marking as the collector has it', async () => {
  const outcome = async (marking: string, permanent = false) => {
    const { start, group, sinks } = await receiver(`message_marking: {${marking}}`);
    await start();
    sinks.traces.refuse = new PipelineError('no', { permanent });
    const { batch, done, state } = batchOf('otlp_spans', records([spans('a')]));
    void group.handler?.(batch);
    await tick();
    await tick();
    state.active = false;
    return done;
  };
  assert.deepEqual(await outcome('after: false'), [0, 0], 'before, whatever comes');
  assert.deepEqual(await outcome('after: true'), []);
  assert.deepEqual(await outcome('after: true, on_error: true'), [0]);
  assert.deepEqual(await outcome('after: true, on_permanent_error: true'), []);
  assert.deepEqual(await outcome('after: true, on_permanent_error: true', true), [0]);
  assert.deepEqual(await outcome('after: true, on_error: true', true), [0]);
});

test('encodings and headers', async () => {
  const logs = async (encoding: string, value: Buffer | string) => {
    const { start, group, sinks } = await receiver(`logs: {encoding: ${encoding}}`);
    await start();
    await group.handler?.(batchOf('otlp_logs', records([value])).batch);
    const [batch] = sinks.logs.batches;
    return batch && decodeTree('logs', batch).resourceLogs[0]?.scopeLogs[0]?.logRecords[0];
  };
  const text = await logs('text', 'hä');
  assert.deepEqual([text?.body?.stringValue, text?.observedTimeUnixNano], ['hä', 1_000_000_000n]);
  assert.equal((await logs('text_latin1', Buffer.from([0xe4])))?.body?.stringValue, 'ä');
  assert.deepEqual((await logs('raw', 'x'))?.body?.bytesValue, Buffer.from('x'));
  const entries = (await logs('json', '{"n":1,"l":[true]}'))?.body?.kvlistValue?.values ?? [];
  assert.deepEqual(
    entries.map(({ key }) => key),
    ['n', 'l'],
  );
  assert.equal(entries[0]?.value?.doubleValue, 1);
  assert.equal(entries[1]?.value?.arrayValue?.values[0]?.boolValue, true);
  assert.equal(await logs('json', '[1]'), undefined);
  const event = await logs('events_json', '{"eventType":"login","userId":"u"}');
  assert.deepEqual([event?.eventName, event?.attributes[0]?.key], ['login', 'userId']);
  assert.equal(event?.observedTimeUnixNano, 1_000_000_000n);
  assert.equal(await logs('events_json', '[1]'), undefined);

  const yaml = 'traces: {encoding: otlp_json}\nheader_extraction: {extract_headers: true, headers: [tenant, other]}';
  const { start, group, sinks } = await receiver(yaml);
  await start();
  const headers = [
    ['tenant', Buffer.from('t1')],
    ['more', Buffer.from('x')],
  ] as const;
  await group.handler?.(batchOf('otlp_spans', records([encodeJson(spanBatch(['a']))], headers)).batch);
  const [batch] = sinks.traces.batches;
  const resource = batch && decodeTree('traces', batch).resourceSpans[0]?.resource;
  assert.deepEqual(
    resource?.attributes.map(({ key, value }) => [key, value?.stringValue]),
    [['kafka.header.tenant', 't1']],
  );
  assert.deepEqual(batch?.context.metadata.get('more'), ['x']);
  await assert.rejects(receiver('traces: {encoding: json}'), /unrecognized traces encoding "json"/);
  await assert.rejects(receiver('auth: {kerberos: {realm: r}}'), /auth::kerberos is not supported/);
});

test('spans of other makes', async () => {
  const spans = async (encoding: string, value: Buffer) => {
    const { start, group, sinks, settings } = await receiver(`traces: {encoding: ${encoding}}`);
    await start();
    await group.handler?.(batchOf('otlp_spans', records([value, Buffer.from('{x')])).batch);
    assert.match(settings.logger.messages('error').join(), /Record was not taken/);
    return sinks.traces.batches.flatMap(spanNames);
  };
  const [message] = new SpanMessages().encode(spanBatch(['a'], { 'service.name': 'shop' }));
  assert.deepEqual(await spans('jaeger_proto', message?.bytes as Buffer), ['a']);
  assert.deepEqual(await spans('jaeger_json', toJson(message?.bytes as Buffer)), ['a']);
  const zipkin = '[{"traceId":"1","id":"2","name":"a"},{"traceId":"1","id":"3","name":"b"}]';
  assert.deepEqual(await spans('zipkin_json', Buffer.from(zipkin)), ['a', 'b']);
  assert.deepEqual(await spans('zipkin_proto', writeProto(readJson(Buffer.from(zipkin)))), ['a', 'b']);
  const thrift = '0c000000010a00010000000000000001' + '0b000300000001740a000400000000000000020a000a000000000000000500';
  assert.deepEqual(await spans('zipkin_thrift', Buffer.from(thrift, 'hex')), ['t']);
});

test('patterns, exclusions, and topics that come later', async () => {
  const known = ['logs-a', 'logs-b', 'logs-old', 'other'];
  const yaml = 'logs: {topics: ["^logs-"], exclude_topics: ["old$"]}\nmetadata: {refresh_interval: 1m}';
  const { start, group, settings, joins } = await receiver(yaml, known);
  await start();
  const rest = ['otlp_metrics', 'otlp_spans'];
  assert.deepEqual(group.topics, ['logs-a', 'logs-b', ...rest]);
  known.push('logs-c');
  for (let i = 0; i < 5; i++) await tick();
  settings.clock.advance(60_000);
  for (let i = 0; i < 20; i++) await tick();
  assert.deepEqual(group.topics, ['logs-a', 'logs-b', 'logs-c', ...rest]);
  assert.equal(joins(), 2);
});

test('it starts without a broker and comes back after a loss, with a line for each change', async () => {
  const { start, settings, failures, joins, group } = await receiver('');
  failures.push(new Error('ECONNREFUSED'), new Error('ECONNREFUSED'));
  await start();
  for (let i = 0; i < 20; i++) {
    settings.clock.advance(500);
    await tick();
  }
  assert.equal(joins(), 3);
  group.lost?.(new Error('no heartbeat'));
  for (let i = 0; i < 20; i++) {
    settings.clock.advance(500);
    await tick();
  }
  assert.equal(joins(), 4);
  assert.deepEqual(settings.logger.messages('warn'), Array(2).fill('Not consuming, will try again'));
  assert.deepEqual(settings.logger.messages('info'), Array(2).fill('Consuming again'));
});

test('configuration: defaults, older keys, faults', async () => {
  const value = readYaml(config, 'traces: {topic: t}\ngroup_rebalance_strategies: [roundrobin]');
  assert.deepEqual(value.traces.topics, ['t']);
  assert.deepEqual(readYaml(config, 'topic: t').logs.topics, ['t']);
  assert.equal(value.group_id, 'otel-collector');
  const bad = (yaml: string, message: RegExp) => assert.throws(() => readYaml(config, yaml), message);
  bad('initial_offset: x', /initial_offset should be one of 'latest' or 'earliest'. configured value x/);
  bad('min_fetch_size: 2\nmax_fetch_size: 1', /max_fetch_size \(1\) cannot be less than min_fetch_size \(2\)/);
  bad('logs: {exclude_topics: [a]}', /none of the configured logs.topics use regex pattern/);
  bad('logs: {topics: ["^("]}', /invalid regex pattern/);
  const twice = await receiver('traces: {topics: [t]}\nlogs: {topics: [t]}');
  await assert.rejects(async () => twice.start(), /topic "t" is named for more than one signal/);
  const { start, options } = await receiver(
    'group_rebalance_strategies: [roundrobin, range]\nautocommit: {enable: false}',
  );
  await start();
  assert.deepEqual([options().strategy, options().commitIntervalMs], ['roundrobin', 0]);
});

test('of the strategies asked for the first that is there is taken, and a line tells where none is', async () => {
  const warning = 'This group_rebalance_strategy is not known here, range is taken';
  for (const [keys, strategy, warnings] of [
    ['group_rebalance_strategies: [cooperative-sticky, roundrobin]', 'roundrobin', []],
    ['group_rebalance_strategy: sticky', 'range', [warning]],
    ['group_id: g', 'range', []],
  ] as const) {
    const { start, options, settings } = await receiver(keys);
    await start();
    assert.equal(options().strategy, strategy, keys);
    assert.deepEqual(settings.logger.messages('warn'), warnings, keys);
  }
});
