/** Three brokers: declared topics, and the loss of one while records flow. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DRIVERS } from '../../core/kafka/driver.ts';
import { Daemon } from '../support/daemon.ts';
import { Lab } from '../support/lab.ts';
import { KafkaCluster } from './kafka.ts';
import { everythingArrived, exporter, load, NO_QUEUE, pause, receiver, scenario, until } from './kafka-lab.ts';

const TOPICS = fileURLToPath(new URL('../../configs/topics.yaml', import.meta.url));

let cluster: KafkaCluster;
before(async () => {
  cluster = await KafkaCluster.start(3);
});
after(() => cluster[Symbol.asyncDispose]());

async function weirTopics(verb: string, file = TOPICS): Promise<string> {
  const env = { KAFKA_BROKERS: cluster.addresses.join(',') };
  const daemon = new Daemon({ args: ['topics', verb, '--config', file], env });
  assert.equal(await daemon.exited(), 0, daemon.output);
  return daemon.output;
}

scenario('topics are created once, differences are shown and mended', async () => {
  assert.match(
    await weirTopics('plan'),
    /otel-traces: create with 12 partitions, replication factor 3 .*retention.ms=604800000/,
  );
  assert.match(await weirTopics('apply'), /6 done\./);
  assert.equal(await weirTopics('apply'), 'Nothing to do.\n');
  assert.match(await weirTopics('show'), /^alerts: 2 partitions, replication factor 3.* min.insync.replicas=2/m);
  const place = ['--bootstrap-server', cluster.addresses.join(',')];
  const described = (await cluster.tool('TopicCommand', [...place, '--describe', '--topic', 'otel-traces'])).toString();
  assert.match(described, /PartitionCount: 12\s+ReplicationFactor: 3\s+Configs: .*segment.ms=86400000/);

  await using lab = new Lab();
  const other = `
brokers: \${env:KAFKA_BROKERS}
topics: { alerts: { partitions: 4, replication_factor: 2, configs: { retention.ms: "1000" } } }`;
  const file = lab.write('topics.yaml', other);
  const output = await weirTopics('apply', file);
  assert.match(output, /alerts: 4 partitions instead of 2\nalerts: retention.ms=1000 instead of 86400000\n2 done/);
  assert.match(output, /Differs: alerts: replication factor 3, declared 2/);
  assert.match(output, /Differs: alerts: segment.ms is set to 3600000, which is not declared/);
  assert.match(await weirTopics('plan', file), /Nothing to do/);
});

for (const driver of DRIVERS) {
  scenario(`${driver}: one of three brokers is killed under load and comes back`, async () => {
    const brokers = cluster.addresses;
    const topic = `cluster-${driver}`;
    const yaml = `driver: ${driver}\n${NO_QUEUE}\ntraces: {topic: ${topic}, message_key: service.name}`;
    const { made } = await exporter(`${yaml}\nproducer: {required_acks: all, idempotent: true}`, brokers);
    const group = `driver: ${driver}\ngroup_id: ${topic}\ninitial_offset: earliest`;
    const { names } = await receiver(`${group}\ntraces: {topics: [${topic}]}`, brokers);
    const sending = load(made);
    await until('the first spans', () => names().length > 100);
    for (const index of [0, 1]) {
      await cluster.stop(index, 'SIGKILL');
      const before = sending.acknowledged.length;
      await until('acknowledgements with two brokers', () => sending.acknowledged.length > before + 200);
      await cluster.restart(index);
      await pause(2000);
    }
    await sending.end();
    await everythingArrived(sending.acknowledged, names);
  });
}
