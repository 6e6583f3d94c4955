import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Checkpoints } from '../../core/checkpoint.ts';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { fromJson, fromProto } from '../../core/jaeger/span-message.ts';
import type { KafkaProducer, OutgoingRecord, ProducerOptions } from '../../core/kafka/client.ts';
import { kafkaError } from '../../core/kafka/errors.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import type { Signal } from '../../core/signal.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { contextWith, isReleased, spanBatch, spanNames } from '../../core/testing/spans.ts';
import { readJson } from '../../core/zipkin/json.ts';
import { readProto } from '../../core/zipkin/protobuf.ts';
import { config } from './config.ts';
import { kafkaExporter } from './exporter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An exporter whose producer keeps what it is given, or fails as the test says. */
async function exporter(yaml: string) {
  const settings = testSettings({ id: 'kafka', kind: 'exporter' });
  const requests: OutgoingRecord[][] = [];
  const current: { fail?: (records: readonly OutgoingRecord[]) => PipelineError | undefined } = {};
  let options: ProducerOptions | undefined;
  const producer: KafkaProducer = {
    async send(records) {
      const error = current.fail?.(records);
      if (error !== undefined) throw error;
      // the bytes are the batch's, which is gone afterwards
      requests.push(records.map((record) => ({ ...record, value: Buffer.from(record.value) })));
    },
    async close() {},
  };
  const load = async () => ({
    producer: (given: ProducerOptions) => {
      options = given;
      return producer;
    },
  });
  const off = 'sending_queue: {enabled: false}\n';
  const made = kafkaExporter(settings, readYaml(config, off + yaml), load);
  await made.start(new NopHost());
  cleanups.push(() => made.shutdown());
  return { made, settings, requests, current, options: options as ProducerOptions };
}

const NO_RETRY = 'retry_on_failure: {enabled: false}\n';

function json(signal: Signal, request: unknown, context: RequestContext = EMPTY_CONTEXT): Telemetry {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(request)));
  return Telemetry.of(signal, bytes, items, context);
}

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const service = (name: string) => ({ attributes: [attribute('service.name', name)] });
const keysOf = (records: readonly OutgoingRecord[]) => records.map(({ key }) => key?.toString());
const namesIn = ({ value }: OutgoingRecord, signal: 'traces' = 'traces') => spanNames(Telemetry.of(signal, value, 0));

/** Two traces in two services, mixed. */
const traces = () =>
  json('traces', {
    resourceSpans: ['a', 'b', 'a'].map((name, i) => ({
      resource: service(name),
      scopeSpans: [
        {
          scope: { name: `scope${i}` },
          spans: ['01', '02'].map((id) => ({
            name: `${name}${i}-${id}`,
            traceId: id.repeat(16),
            spanId: '01'.repeat(8),
          })),
        },
      ],
    })),
  });

test('without a key a batch is one record, byte for byte', async () => {
  const { made, requests } = await exporter('');
  const batch = traces();
  const bytes = Buffer.from(batch.bytes());
  await made.consume(batch);
  assert.ok(isReleased(batch));
  assert.equal(requests.length, 1);
  const [record] = requests[0] ?? [];
  assert.deepEqual([record?.topic, record?.key, record?.headers], ['otlp_spans', undefined, []]);
  assert.deepEqual(record?.value, bytes);
});

test('a key by a resource attribute', async () => {
  const { made, requests } = await exporter('traces: {topic: t, message_key: service.name}');
  await made.consume(traces());
  const [records = []] = requests;
  assert.deepEqual(keysOf(records), ['a', 'b']);
  assert.deepEqual(
    records.map((r) => namesIn(r)),
    [
      ['a0-01', 'a0-02', 'a2-01', 'a2-02'],
      ['b1-01', 'b1-02'],
    ],
  );
  await made.consume(spanBatch(['nobody']));
  assert.deepEqual(keysOf(requests[1] ?? []), ['unknown']);
});

test('a key by trace parts the spans and keeps their resources and scopes', async () => {
  const { made, requests } = await exporter('partition_traces_by_id: true');
  await made.consume(traces());
  const [records = []] = requests;
  assert.deepEqual(keysOf(records), ['01'.repeat(16), '02'.repeat(16)]);
  const tree = decodeTree('traces', Telemetry.of('traces', records[1]?.value as Buffer, 0));
  assert.deepEqual(
    tree.resourceSpans.map(({ resource, scopeSpans }) => [
      resource?.attributes[0]?.value?.stringValue,
      scopeSpans.map(({ scope, spans }) => [scope?.name, ...spans.map(({ name }) => name)]),
    ]),
    [
      ['a', [['scope0', 'a0-02']]],
      ['b', [['scope1', 'b1-02']]],
      ['a', [['scope2', 'a2-02']]],
    ],
  );
});

test('metrics by service and name, and by a hash of the resource', async () => {
  const point = { dataPoints: [{ asInt: '1' }, { asInt: '2' }] };
  const metrics = () =>
    json('metrics', {
      resourceMetrics: ['a', 'b'].map((name) => ({
        resource: service(name),
        scopeMetrics: [{ metrics: ['cpu', 'mem'].map((metric) => ({ name: metric, gauge: point })) }],
      })),
    });
  const byName = await exporter('metrics: {message_key: service.name-metric.name}');
  await byName.made.consume(metrics());
  assert.deepEqual(keysOf(byName.requests[0] ?? []), ['a-cpu', 'a-mem', 'b-cpu', 'b-mem']);
  const byHash = await exporter('partition_metrics_by_resource_attributes: true');
  await byHash.made.consume(metrics());
  await byHash.made.consume(metrics());
  const [first = [], second = []] = byHash.requests.map((records) => records.map(({ key }) => key?.toString('hex')));
  assert.deepEqual(first, second);
  assert.equal(new Set(first).size, 2);
  assert.equal(first[0]?.length, 32);
});

const events = () =>
  json('logs', {
    resourceLogs: [
      {
        resource: service('shop'),
        scopeLogs: [
          {
            logRecords: [
              { timeUnixNano: '1000000', attributes: [attribute('userId', 'u1')], body: { stringValue: 'one' } },
              { attributes: [attribute('session.id', 's1')], traceId: '03'.repeat(16), body: { bytesValue: 'AAE=' } },
              {
                eventName: 'order',
                body: { kvlistValue: { values: [attribute('userId', 'u1'), { key: 'n', value: { intValue: '7' } }] } },
              },
              { body: { intValue: '9007199254740993' } },
            ],
          },
        ],
      },
    ],
  });

test('events by user, session, or neither; logs by trace', async () => {
  const byUser = await exporter('logs: {message_key: user, encoding: json}');
  await byUser.made.consume(events());
  const [records = []] = byUser.requests;
  assert.deepEqual(
    records.map(({ key, value }) => [key?.toString(), value.toString()]),
    [
      ['u1', '{"timestamp":"1970-01-01T00:00:00.001Z","userId":"u1","body":"one"}'],
      ['u1', '{"eventType":"order","userId":"u1","n":7}'],
      ['s1', '{"session.id":"s1","body":"AAE="}'],
      ['anonymous', '{"body":"9007199254740993"}'],
    ],
  );
  const byTrace = await exporter('partition_logs_by_trace_id: true');
  await byTrace.made.consume(events());
  assert.deepEqual(keysOf(byTrace.requests[0] ?? []), [undefined, '03'.repeat(16)]);
});

test('encodings of logs', async () => {
  const bodies = async (encoding: string) => {
    const { made, requests } = await exporter(`logs: {encoding: ${encoding}}`);
    await made.consume(events());
    return (requests[0] ?? []).map(({ value }) => value.toString('latin1'));
  };
  const rest = ['{"n":7,"userId":"u1"}', '9007199254740993'];
  assert.deepEqual(await bodies('raw'), ['one', '\0\u0001', ...rest]);
  assert.deepEqual(await bodies('text'), ['one', 'AAE=', ...rest]);
  assert.equal(JSON.parse((await bodies('events_json'))[2] ?? '').userId, 'u1');
  const [request = ''] = await bodies('otlp_json');
  assert.equal(JSON.parse(request).resourceLogs[0].scopeLogs[0].logRecords.length, 4);
});

test('what is not there is known before the start', () => {
  for (const [yaml, fault] of [
    ['traces: {encoding: jaeger_thrift}', /unrecognized traces encoding "jaeger_thrift"/],
    ['auth: {kerberos: {realm: r}}', /auth::kerberos is not supported/],
    ['auth: {sasl: {mechanism: AWS_MSK_IAM_OAUTHBEARER}}', /mechanism AWS_MSK_IAM_OAUTHBEARER is not supported/],
    ['record_partitioner: {extension: mine}', /record_partitioner::extension is not supported/],
  ] as const) {
    const settings = testSettings({ id: 'kafka', kind: 'exporter' });
    assert.throws(() => kafkaExporter(settings, readYaml(config, yaml)), fault, yaml);
  }
});

test('spans of other makes', async () => {
  const spans = ['01', '02'].map((byte) => ({
    traceId: byte.repeat(16),
    spanId: byte.repeat(8),
    name: `span ${byte}`,
  }));
  const batch = () => json('traces', { resourceSpans: [{ resource: service('shop'), scopeSpans: [{ spans }] }] });
  const named = (request: Buffer) => spanNames(Telemetry.of('traces', request, 1));
  for (const [encoding, read] of [['jaeger_proto', fromProto] as const, ['jaeger_json', fromJson] as const]) {
    const { made, requests, settings } = await exporter(
      `traces: {encoding: ${encoding}}\npartition_traces_by_id: true\nproducer: {max_message_bytes: 400}`,
    );
    await made.consume(batch());
    const [records = []] = [requests.flat()];
    assert.deepEqual(keysOf(records), ['01'.repeat(16), '02'.repeat(16)]);
    assert.deepEqual(
      records.flatMap(({ value }) => named(read(value))),
      ['span 01', 'span 02'],
    );
    await assert.rejects(async () => made.consume(spanBatch(['x'.repeat(300)])), /do not fit in a message of 400/);
    assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 2);
  }
  const other = await exporter('traces: {encoding: jaeger_proto, message_key: service.name}');
  await other.made.consume(batch());
  assert.deepEqual(keysOf(other.requests.flat()), ['shop', 'shop']);
});

test('lists of spans of Zipkin, without those that it cannot have', async () => {
  const spans = ['01', '00', '03', '04'].map((byte) => ({
    traceId: byte.repeat(16),
    spanId: '05'.repeat(8),
    name: byte,
  }));
  const batch = () => json('traces', { resourceSpans: [{ resource: service('shop'), scopeSpans: [{ spans }] }] });
  for (const [encoding, read] of [['zipkin_proto', readProto] as const, ['zipkin_json', readJson] as const]) {
    const { made, requests, settings } = await exporter(`traces: {encoding: ${encoding}}\n${NO_RETRY}`);
    await assert.rejects(async () => made.consume(batch()), /span "00" of service "shop" cannot be written/);
    const lists = requests.flat().map(({ value }) => read(value).map(({ name }) => name));
    assert.deepEqual(lists.flat(), ['01', '03', '04']);
    assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 3);
    assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 1);
  }
});

test('topics, keys and headers from metadata; a topic from the resource; static headers', async () => {
  const yaml = `
traces: {topic_from_metadata_key: X-Topic, message_key_from_metadata_key: x-key}
include_metadata_keys: [x-tenant]
record_headers: [{name: from, value: weir}]
topic_from_attribute: service.name
`;
  const { made, requests } = await exporter(yaml);
  const context = contextWith({ 'x-topic': ['chosen'], 'x-key': ['k'], 'x-tenant': ['t1', 't2'] });
  await made.consume(spanBatch(['s'], { 'service.name': 'shop' }, context));
  await made.consume(spanBatch(['s'], { 'service.name': 'shop' }));
  await made.consume(spanBatch(['s']));
  const [[chosen] = [], [byResource] = [], [plain] = []] = requests;
  assert.deepEqual([chosen?.topic, chosen?.key?.toString()], ['chosen', 'k']);
  assert.deepEqual(chosen?.headers, [
    ['from', 'weir'],
    ['x-tenant', 't1'],
    ['x-tenant', 't2'],
  ]);
  assert.deepEqual([byResource?.topic, byResource?.key], ['shop', undefined]);
  assert.equal(plain?.topic, 'otlp_spans');
});

test('requests stay below max_message_bytes and nothing is lost or out of order', async () => {
  for (const encoding of ['otlp_proto', 'otlp_json']) {
    const { made, requests } = await exporter(`encoding: ${encoding}\nproducer: {max_message_bytes: 2000}`);
    const names = Array.from({ length: 300 }, (_, i) => `span ${i} ${'x'.repeat(i % 50)}`);
    await made.consume(spanBatch(names, { 'service.name': 'shop' }));
    const records = requests.flat();
    for (const request of requests) {
      assert.ok(request.reduce((sum, { value }) => sum + value.length, 0) <= 2000);
    }
    const read = (value: Buffer) => (encoding === 'otlp_json' ? decodeJson('traces', value).bytes : value);
    assert.deepEqual(
      records.flatMap((r) => namesIn({ ...r, value: read(r.value) })),
      names,
    );
    assert.ok(records.length > 3);
  }
});

test('the one item that cannot fit is named and counted, the others are sent', async () => {
  const { made, requests, settings } = await exporter('producer: {max_message_bytes: 2000}');
  const names = ['a', 'x'.repeat(3000), 'b'];
  await assert.rejects(
    async () => made.consume(spanBatch(names, { 'service.name': 'shop' })),
    (error: PipelineError) => {
      assert.ok(error.permanent);
      assert.match(error.message, /span "x+" of service "shop": \d+ bytes do not fit in a message of 2000/);
      return true;
    },
  );
  assert.deepEqual(
    requests.flat().flatMap((r) => namesIn(r)),
    ['a', 'b'],
  );
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 2);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 1);
});

test('only what was not stored is sent again, and max_retries ends it', async () => {
  const yaml = 'producer: {max_message_bytes: 2000}\nretry_on_failure: {max_retries: 2, initial_interval: 1s}';
  const { made, requests, current, settings } = await exporter(yaml);
  let calls = 0;
  current.fail = () => (++calls === 2 ? new PipelineError('no leader') : undefined);
  const names = Array.from({ length: 30 }, (_, i) => `span ${i} ${'x'.repeat(100)}`);
  const done = made.consume(spanBatch(names));
  await new Promise((resolve) => setImmediate(resolve));
  settings.clock.advance(2000);
  await done;
  assert.deepEqual(
    requests.flat().flatMap((r) => namesIn(r)),
    names,
  );
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 30);

  current.fail = () => new PipelineError('no leader');
  const refused = assert.rejects(
    async () => made.consume(spanBatch(names)),
    /no more retries left after 3 tries: no leader/,
  );
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    settings.clock.advance(5000);
  }
  await refused;
});

test('tries while no broker is there do not count as retries', async () => {
  const { made, requests, current, settings } = await exporter(
    'retry_on_failure: {max_retries: 1, max_elapsed_time: 0s}',
  );
  const unreachable = { code: 'ECONNREFUSED', message: 'connect' };
  const noLeader = Object.assign(new Error('no leader'), { apiId: 'LEADER_NOT_AVAILABLE' });
  const refusal = Object.assign(new Error('no such topic'), { apiId: 'UNKNOWN_TOPIC_OR_PARTITION' });
  let calls = 0;
  const answers = [...Array(8).fill(unreachable), refusal, noLeader, new AggregateError([unreachable, noLeader])];
  current.fail = () => (calls < answers.length ? kafkaError('x', answers[calls++]) : undefined);
  const done = made.consume(spanBatch(['a']));
  for (let i = 0; i <= answers.length; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    settings.clock.advance(30_000);
  }
  await done;
  assert.deepEqual([calls, requests.flat().length], [answers.length, 1]);
});

test('what the broker refuses for good does not keep the rest', async () => {
  const { made, requests, current } = await exporter(`${NO_RETRY}producer: {max_message_bytes: 2000}`);
  let calls = 0;
  current.fail = () => (++calls === 1 ? new PipelineError('too large', { permanent: true }) : undefined);
  const names = Array.from({ length: 30 }, (_, i) => `span ${i} ${'x'.repeat(100)}`);
  await assert.rejects(async () => made.consume(spanBatch(names)), /too large/);
  const sent = requests.flat().flatMap((r) => namesIn(r));
  assert.ok(sent.length > 10 && sent.length < 30);
  assert.deepEqual(sent, names.slice(-sent.length));
});

test('metrics by topic and outcome; options of the producer', async () => {
  const yaml = `${NO_RETRY}producer: {idempotent: true, compression: zstd}\nrecord_partitioner: {sticky_key: {hasher: murmur2}}`;
  const { made, current, settings, options } = await exporter(yaml);
  await made.consume(spanBatch(['a']));
  current.fail = () => new PipelineError('x');
  await assert.rejects(async () => made.consume(spanBatch(['a'])));
  const { meter } = settings;
  assert.equal(meter.value('otelcol_kafka_exporter_records', { topic: 'otlp_spans', outcome: 'success' }), 1);
  assert.equal(meter.value('otelcol_kafka_exporter_records', { topic: 'otlp_spans', outcome: 'failure' }), 1);
  assert.deepEqual([options.acks, options.codec, options.idempotent], [-1, 'zstd', true]);
  assert.equal(options.partitioner('t', Buffer.from('21'), 1000), 340);
});

async function exactlyOnce(emit: Checkpoints['emit'], yaml = '') {
  const keeper = { exactlyOnce: true, start() {}, shutdown() {}, register() {}, open() {}, emit };
  const host = new NopHost();
  host.extensions.set('checkpoint', keeper as unknown as Component);
  Object.assign(host.overview, { extensions: ['checkpoint'] });
  const clock = new FakeClock();
  const settings = testSettings({ id: 'kafka', kind: 'exporter', clock });
  const made = kafkaExporter(settings, readYaml(config, `exactly_once: true\n${yaml}`));
  await made.start(host);
  cleanups.push(() => made.shutdown());
  return { made, clock };
}

test('exactly once: records wait for the checkpoint without the memory of their batch', async () => {
  const waiting: OutgoingRecord[] = [];
  const deliveries: unknown[] = [];
  const { made } = await exactlyOnce((_partition, records, _partitioner, delivery) => {
    deliveries.push(delivery);
    return waiting.push(...records) > 0;
  });
  const delivery = { position: 3n, attempt: 1 };
  const stream = { partition: 'in-0', watermarked: false, delivery };
  const batch = spanBatch(['a'], {}, { ...EMPTY_CONTEXT, stream });
  const [range] = batch.ranges;
  const expected = Buffer.from(batch.bytes());
  await made.consume(batch);
  assert.equal(isReleased(batch), true);
  range?.buffer.fill(0);
  assert.deepEqual(
    waiting.map(({ value }) => value),
    [expected],
  );
  assert.deepEqual(deliveries, [delivery], 'so that what comes again is known');
});

test('exactly once: what a partition refused that is not open here is not tried again when it is', async () => {
  let isOpen = false;
  let emitted = 0;
  const emit = () => {
    emitted++;
    return isOpen;
  };
  const { made, clock } = await exactlyOnce(emit, 'retry_on_failure: {enabled: true}\nsending_queue: {enabled: true}');
  const stream = { partition: 'in-0', watermarked: false };
  const batch = spanBatch(['a'], {}, { ...EMPTY_CONTEXT, stream });
  await assert.rejects(async () => made.consume(batch), /partition in-0 is not open in this process/);
  assert.equal(isReleased(batch), true);
  isOpen = true;
  await clock.advanceAsync(600_000);
  assert.equal(emitted, 1);
});
