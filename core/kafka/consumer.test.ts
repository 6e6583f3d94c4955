import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { TestLogger } from '../testing/settings.ts';
import type { ConsumerOptions, KafkaDriver } from './client.ts';
import { GroupConsumer } from './consumer.ts';

test('a restart leaves the group, then joins it again', async () => {
  const clock = new FakeClock();
  const logger = new TestLogger();
  const calls: string[] = [];
  const driver = {
    async join() {
      calls.push('join');
      return {
        close: async () => {
          calls.push('close');
        },
      };
    },
  } as Partial<KafkaDriver> as KafkaDriver;
  const known: Partial<ConsumerOptions> = { clock, logger, groupId: 'g', metadataMaxAgeMs: 60_000 };
  const options = known as ConsumerOptions;
  const consumer = new GroupConsumer(driver, options, { topics: ['t'] }, async () => {});
  consumer.start();
  await settle();
  consumer.restart(new Error('a checkpoint failed'));
  consumer.restart(new Error('and another'));
  await settle();
  assert.deepEqual(calls, ['join', 'close']);
  clock.advance(500);
  await settle();
  assert.deepEqual(calls, ['join', 'close', 'join']);
  await consumer.close();
  assert.deepEqual(calls, ['join', 'close', 'join', 'close']);
  assert.deepEqual(logger.messages(), ['Consuming', 'Not consuming, will try again', 'Consuming again']);
});
