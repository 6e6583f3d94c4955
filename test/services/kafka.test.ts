/** The kafka exporter and receiver with real brokers, each with both clients; Kafka's own tools are the other side. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { DRIVERS, type DriverName } from '../../core/kafka/driver.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { SinkConsumer } from '../../core/testing/sink.ts';
import { spanBatch } from '../../core/testing/spans.ts';
import { KafkaCluster } from './kafka.ts';
import { everythingArrived, exporter, load, NO_QUEUE, pause, receiver, scenario, until } from './kafka-lab.ts';

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
let cluster: KafkaCluster;
const exporterOf = (yaml: string) => exporter(yaml, cluster.addresses);
const receiverOf = (yaml: string) => receiver(yaml, cluster.addresses);
before(async () => {
  cluster = await KafkaCluster.start(1);
});
after(() => cluster?.[Symbol.asyncDispose]());

let topics = 0;
const freshTopic = () => `topic-${++topics}`;
const here = () => cluster.addresses[0] as string;

/** The values of a topic as Kafka's own consumer prints them, with what `options` ask for. */
function consoleConsume(topic: string, count: number, options: readonly string[] = []): Promise<Buffer> {
  const place = ['--bootstrap-server', here(), '--topic', topic, '--from-beginning', '--timeout-ms', '20000'];
  return cluster.tool('consumer.ConsoleConsumer', [...place, '--max-messages', String(count), ...options]);
}

function logs(bodies: readonly string[]): Telemetry {
  const logRecords = bodies.map((stringValue) => ({ body: { stringValue } }));
  const { bytes, items } = decodeJson(
    'logs',
    Buffer.from(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })),
  );
  return Telemetry.of('logs', bytes, items);
}

const bodiesOf = (sink: SinkConsumer) =>
  sink.batches.flatMap((batch) =>
    decodeTree('logs', batch).resourceLogs.flatMap((r) =>
      r.scopeLogs.flatMap((s) => s.logRecords.map(({ body }) => body?.stringValue ?? body?.bytesValue?.toString())),
    ),
  );

/** From weir to weir: every encoding with every compression. */
async function roundTrips(driver: DriverName): Promise<void> {
  const [spans, json, raw] = [freshTopic(), freshTopic(), freshTopic()];
  const common = `driver: ${driver}\ninitial_offset: earliest\ngroup_id: ${spans}`;
  const proto = await receiverOf(`${common}\ntraces: {topics: [${spans}]}\nlogs: {topics: [${raw}], encoding: raw}`);
  const texts = await receiverOf(`${common}-json\ntraces: {topics: [${json}], encoding: otlp_json}`);
  const names = Array.from({ length: 50 }, (_, i) => `span ${i} ${'x'.repeat(200)}`);
  for (const compression of CODECS) {
    const sending = `driver: ${driver}\n${NO_QUEUE}\nproducer: {compression: ${compression}, required_acks: all}`;
    const a = await exporterOf(`${sending}\ntraces: {topic: ${spans}}\nlogs: {topic: ${raw}, encoding: raw}`);
    const b = await exporterOf(`${sending}\ntraces: {topic: ${json}, encoding: otlp_json}`);
    await a.made.consume(spanBatch(names));
    await a.made.consume(logs([`one ${compression}`, `two ${compression}`]));
    await b.made.consume(spanBatch(names));
  }
  const all = CODECS.flatMap(() => names).sort();
  await until(
    'all spans and logs',
    () => proto.sinks.traces.items + texts.sinks.traces.items === 500 && proto.sinks.logs.items === 10,
  );
  assert.deepEqual(proto.names().sort(), all);
  assert.deepEqual(texts.names().sort(), all);
  assert.deepEqual(bodiesOf(proto.sinks.logs).sort(), CODECS.flatMap((c) => [`one ${c}`, `two ${c}`]).sort());
}

/** What weir writes is read by Kafka's own consumer, and the other way round. */
async function javaPeers(driver: DriverName): Promise<void> {
  const topic = freshTopic();
  const batch = spanBatch(['a', 'b'], { 'service.name': 'shop' });
  const bytes = Buffer.from(batch.bytes());
  for (const compression of CODECS) {
    const yaml = `driver: ${driver}\n${NO_QUEUE}\ntraces: {topic: ${topic}, message_key: service.name}`;
    const headers = 'record_headers: [{name: from, value: weir}]';
    const { made } = await exporterOf(`${yaml}\n${headers}\nproducer: {compression: ${compression}}`);
    await made.consume(batch.retain());
  }
  const shown = ['print.key=true', 'print.headers=true'].flatMap((p) => ['--formatter-property', p]);
  const printed = await consoleConsume(topic, CODECS.length, shown);
  const line = Buffer.concat([Buffer.from('from:weir\tshop\t'), bytes, Buffer.from('\n')]);
  assert.deepEqual(printed, Buffer.concat(CODECS.map(() => line)));

  const lines = freshTopic();
  const place = ['--bootstrap-server', here(), '--topic', lines, '--compression-codec'];
  for (const codec of CODECS) {
    const text = Array.from({ length: 20 }, (_, i) => `${codec} ${i} ${'y'.repeat(100)}\n`).join('');
    await cluster.tool('ConsoleProducer', [...place, codec], text);
  }
  const { sinks } = await receiverOf(
    `driver: ${driver}\ngroup_id: ${lines}\ninitial_offset: earliest\nlogs: {topics: [${lines}], encoding: text}`,
  );
  await until('the lines of the other producer', () => sinks.logs.items === 100);
  const kinds = bodiesOf(sinks.logs).map((body) => body?.split(' ')[0]);
  for (const codec of CODECS) assert.equal(kinds.filter((kind) => kind === codec).length, 20);
}

/** Each request is there as a whole or not at all, for a consumer that reads what was committed. */
async function transactions(driver: DriverName): Promise<void> {
  const topic = freshTopic();
  const yaml = `driver: ${driver}\n${NO_QUEUE}\nlogs: {topic: ${topic}, encoding: raw}\nproducer: {transactional_id: ${topic}}`;
  const { made } = await exporterOf(yaml);
  await Promise.all(Array.from({ length: 5 }, (_, i) => made.consume(logs([`a${i}`, `b${i}`]))));
  await made.shutdown();
  // the same id again, as after a restart
  const again = await exporterOf(yaml);
  await again.made.consume(logs(['last']));
  const committed = ['--isolation-level', 'read_committed'];
  const printed = (await consoleConsume(topic, 11, committed)).toString().trim().split('\n').sort();
  const pairs = [0, 1, 2, 3, 4].flatMap((i) => [`a${i}`, `b${i}`]);
  assert.deepEqual(printed, [...pairs, 'last'].sort());
}

/** The only broker goes and comes back. */
async function brokerRestart(driver: DriverName): Promise<void> {
  const topic = freshTopic();
  const yaml = `driver: ${driver}\n${NO_QUEUE}\ntraces: {topic: ${topic}, message_key: service.name}`;
  const { made } = await exporterOf(`${yaml}\nproducer: {required_acks: all, idempotent: true}`);
  const { names } = await receiverOf(
    `driver: ${driver}\ngroup_id: ${topic}\ninitial_offset: earliest\ntraces: {topics: [${topic}]}`,
  );
  const sending = load(made);
  await until('the first spans', () => names().length > 100);
  await cluster.stop(0, 'SIGKILL');
  await pause(3000);
  await cluster.restart(0);
  const before = sending.acknowledged.length;
  await until('acknowledgements after the restart', () => sending.acknowledged.length > before + 200);
  await sending.end();
  await everythingArrived(sending.acknowledged, names);
}

/** Members come and go while records flow: none is lost, and few are seen twice. */
async function rebalance(driver: DriverName): Promise<void> {
  const topic = freshTopic();
  const { made } = await exporterOf(
    `driver: ${driver}\n${NO_QUEUE}\ntraces: {topic: ${topic}, message_key: service.name}`,
  );
  const yaml = `driver: ${driver}\ngroup_id: ${topic}\ninitial_offset: earliest\nheartbeat_interval: 500ms\ntraces: {topics: [${topic}]}`;
  const first = await receiverOf(yaml);
  const sending = load(made, 5);
  await until('the first member', () => first.names().length > 100);
  const second = await receiverOf(yaml);
  await until('the second member', () => second.names().length > 100);
  await first.made.shutdown();
  const before = second.names().length;
  await until('the second alone', () => second.names().length > before + 200);
  const third = await receiverOf(yaml);
  await until('the third member', () => third.names().length > 50);
  await sending.end();
  const all = () => [first, second, third].flatMap(({ names }) => names());
  await everythingArrived(sending.acknowledged, all);
  const twice = all().length - new Set(all()).size;
  assert.ok(twice < sending.acknowledged.length / 4, `${twice} of ${sending.acknowledged.length} came twice`);
  // what was accepted is not read again by those who come later
  await Promise.all([second.made.shutdown(), third.made.shutdown()]);
  const later = await receiverOf(yaml);
  await made.consume(spanBatch(['the last']));
  await until('the last', () => later.names().includes('the last'));
  assert.deepEqual(later.names(), ['the last']);
}

/** A pipeline that refuses holds the partition, and nothing is lost or piled up. */
async function refusals(driver: DriverName): Promise<void> {
  const topic = freshTopic();
  const { made } = await exporterOf(
    `driver: ${driver}\n${NO_QUEUE}\ntraces: {topic: ${topic}}\nproducer: {max_message_bytes: 2000}`,
  );
  const yaml = `driver: ${driver}\ngroup_id: ${topic}\ninitial_offset: earliest\nmax_partition_fetch_size: 4000\ntraces: {topics: [${topic}]}`;
  const { sinks, names } = await receiverOf(yaml);
  const open = sinks.traces.hold();
  const all = Array.from({ length: 2000 }, (_, i) => `span ${i} ${'z'.repeat(100)}`);
  await made.consume(spanBatch(all));
  await until('the first refused', () => sinks.traces.calls > 0);
  await pause(500);
  assert.ok(sinks.traces.calls <= 3, 'one record a partition at a time');
  open();
  await until('all', () => names().length >= all.length);
  assert.deepEqual(new Set(names()), new Set(all));
}

for (const driver of DRIVERS) {
  scenario(`${driver}: round trips of encodings and codecs`, () => roundTrips(driver));
  scenario(`${driver}: Kafka's own consumer and producer`, () => javaPeers(driver));
  scenario(`${driver}: transactions`, () => transactions(driver));
  scenario(`${driver}: members of a group come and go`, () => rebalance(driver));
  scenario(`${driver}: a pipeline that does not accept`, () => refusals(driver));
  scenario(`${driver}: the broker is killed under load`, () => brokerRestart(driver));
}
