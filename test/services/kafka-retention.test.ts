/** Records that the broker deleted before they were read: what else there is, of other partitions too, is read. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { platformaticDriver } from '../../core/kafka/platformatic.ts';
import { TestLogger } from '../../core/testing/settings.ts';
import { spanBatch } from '../../core/testing/spans.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, receiver, scenario, until } from './kafka-lab.ts';

const RECORDS = 20;
const COMMITTED = 5;
const DELETED = 15;

scenario('an offset that is not there any more moves its own partition and no other', async () => {
  await using cluster = await KafkaCluster.start(1);
  const { addresses } = cluster;
  const server = ['--bootstrap-server', addresses[0] ?? ''];
  await cluster.tool('TopicCommand', [...server, '--create', '--topic', 'spans', '--partitions', '2']);
  await produce(addresses);
  const offsets = [
    '--group',
    'late',
    '--topic',
    'spans',
    '--reset-offsets',
    '--to-offset',
    `${COMMITTED}`,
    '--execute',
  ];
  await cluster.tool('consumer.group.ConsumerGroupCommand', [...server, ...offsets]);
  const path = join(mkdtempSync(join(tmpdir(), 'weir-offsets-')), 'offsets.json');
  const partitions = [{ topic: 'spans', partition: 0, offset: DELETED }];
  writeFileSync(path, JSON.stringify({ version: 1, partitions }));
  await cluster.tool('DeleteRecordsCommand', [...server, '--offset-json-file', path]);

  const { names, settings } = await receiver('group_id: late\ntraces: {topics: [spans]}', addresses);
  const expected = Array.from({ length: RECORDS - COMMITTED }, (_, i) => `1-${COMMITTED + i}`);
  await until('what is there', () => names().length >= expected.length);
  await pause(1_000);
  assert.deepEqual(names(), expected);
  const lines = settings.logger.lines.filter(({ message }) => message.startsWith('Records are not there any more'));
  assert.deepEqual(
    lines.map(({ fields }) => fields),
    [{ topic: 'spans', partition: 0, offset: `${COMMITTED}`, next: `${RECORDS}` }],
  );
});

/** Spans `PARTITION-OFFSET` in both partitions. */
async function produce(brokers: readonly string[]): Promise<void> {
  const producer = platformaticDriver.producer({
    ...{ brokers, clientId: 'retention', tls: undefined, sasl: undefined, requestTimeoutMs: 30_000 },
    ...{ metadataMaxAgeMs: 60_000, retries: 5, retryDelayMs: 200, logger: new TestLogger(), clock: systemClock },
    ...{ acks: -1, codec: 'none', idempotent: true, transactionalId: '', autoCreateTopics: false },
    partitioner: (_topic, key) => Number(key?.toString()),
  });
  const records = ['0', '1'].flatMap((partition) =>
    Array.from({ length: RECORDS }, (_, i) => {
      const value = Buffer.from(spanBatch([`${partition}-${i}`], { 'service.name': 'shop' }).bytes());
      return { topic: 'spans', key: Buffer.from(partition), value, headers: [] };
    }),
  );
  await producer.send(records);
  await producer.close();
}
