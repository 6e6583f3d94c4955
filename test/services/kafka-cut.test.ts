/** A minute without the network between weir and the broker, with both clients at once. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { DRIVERS, type DriverName } from '../../core/kafka/driver.ts';
import { CutProxy } from '../support/cut-proxy.ts';
import { freePort } from '../support/ports.ts';
import { KafkaCluster } from './kafka.ts';
import { everythingArrived, exporter, load, pause, receiver, scenario, until } from './kafka-lab.ts';

const CUT_MS = Number(process.env.WEIR_CUT_MS ?? 60_000);
/** What two exporters and two receivers may take more during the cut than before it; their queues are bounded. */
const MAX_GROWTH = 150 << 20;

let proxy: CutProxy;
let cluster: KafkaCluster;
before(async () => {
  cluster = await KafkaCluster.start(1, {
    advertise: async (port) => {
      const own = await freePort();
      proxy = await CutProxy.start(own, port);
      return own;
    },
  });
});
after(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
});

/** The time limit of a request is one that a busy machine keeps, so that only the cut makes one fail. */
const WAITING = `timeout: 8s
sending_queue: {queue_size: 500}
retry_on_failure: {initial_interval: 200ms, max_interval: 2s}
producer: {required_acks: all, idempotent: true}`;

async function lane(driver: DriverName) {
  const yaml = `driver: ${driver}\n${WAITING}\ntraces: {topic: cut-${driver}, message_key: service.name}`;
  const sender = await exporter(yaml, cluster.addresses);
  const group = `driver: ${driver}\ngroup_id: cut-${driver}\ninitial_offset: earliest`;
  const taker = await receiver(`${group}\ntraces: {topics: [cut-${driver}]}`, cluster.addresses);
  const sending = load(sender.made, 5);
  await until(`the first spans of ${driver}`, () => taker.names().length > 100);
  return { driver, sender, taker, sending };
}

type Lane = Awaited<ReturnType<typeof lane>>;

/** What exporter and receiver said since they had said so much, without debugging. */
function said({ sender, taker }: Lane, before: readonly number[]): string[][] {
  return [sender, taker].map(({ settings }, i) =>
    settings.logger.lines
      .slice(before[i])
      .filter(({ level }) => level !== 'debug')
      .map(({ message }) => message),
  );
}
const ofQueue = (message: string) => /^Exporting failed\. Rejecting|^The sending queue has room/.test(message);
const changesOf = (lane: Lane, before: readonly number[]) =>
  said(lane, before).map((messages) => messages.filter((message) => !ofQueue(message)));
const CHANGES = [
  ['Exporting failed. Will retry the request after interval.', 'Exporting works again.'],
  ['Not consuming, will try again', 'Consuming again'],
] as const;

scenario('nothing acknowledged is lost, memory is bounded, the log has a line for each change', async () => {
  const lanes = await Promise.all(DRIVERS.map(lane));
  const logged = lanes.map(({ sender, taker }) => [sender, taker].map(({ settings }) => settings.logger.lines.length));
  const memory = process.memoryUsage().rss;
  proxy.cut();
  let highest = 0;
  for (let passed = 0; passed < CUT_MS; passed += 1000) {
    await pause(1000);
    highest = Math.max(highest, process.memoryUsage().rss - memory);
  }
  const whileCut = lanes.map((one, i) => changesOf(one, logged[i] ?? []));
  const acknowledged = lanes.map(({ sending }) => sending.acknowledged.length);
  proxy.mend();
  for (const [i, { driver, sending, taker }] of lanes.entries()) {
    await until(`acknowledgements of ${driver}`, () => sending.acknowledged.length > (acknowledged[i] ?? 0) + 100);
    await sending.end();
    await everythingArrived(sending.acknowledged, taker.names);
  }
  assert.ok(highest < MAX_GROWTH, `${highest} bytes more`);
  for (const [i, one] of lanes.entries()) {
    const [ofExporter = []] = said(one, logged[i] ?? []);
    assert.ok(ofExporter.filter(ofQueue).length <= 2, 'the queue says once that it is full, once that it is not');
    const [sending, consuming] = CHANGES;
    const [whileSending, whileConsuming = []] = whileCut[i] ?? [];
    assert.deepEqual(whileSending, sending.slice(0, 1), one.driver);
    const [sent, consumed = []] = changesOf(one, logged[i] ?? []);
    assert.deepEqual(sent, sending, one.driver);
    // a client may try for a minute before it says so, and then everything may be as before
    assert.deepEqual(whileConsuming, consuming.slice(0, whileConsuming.length), one.driver);
    assert.deepEqual(consumed, consumed.length === 0 ? [] : consuming, one.driver);
  }
});
