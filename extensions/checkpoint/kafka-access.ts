import type { KafkaAccess } from '../../core/checkpoints/kafka-store.ts';
import type { Host, Settings } from '../../core/component.ts';
import type { Infer } from '../../core/config/fields.ts';
import type { ConsumerOptions } from '../../core/kafka/client.ts';
import { clientOptions } from '../../core/kafka/client-options.ts';
import type { kafka } from './config.ts';

/** Of a request to a broker. */
const REQUEST_TIMEOUT_MS = 30_000;
/** One fetch, and what of it one partition may have: snapshots are read as fast as that goes. */
const FETCH_BYTES = 16 << 20;
const FETCH_WAIT_MS = 500;

/** The cluster of the configuration. The client is loaded when the first partition is opened. */
export function kafkaAccess(settings: Settings, config: Infer<typeof kafka>, host: Host): KafkaAccess {
  const options = clientOptions(settings, config, host, REQUEST_TIMEOUT_MS);
  let ready: Promise<void> | undefined;
  const topic = async (): Promise<void> => {
    ready ??= makeTopic(config, options).catch((error) => {
      ready = undefined;
      throw error;
    });
    await ready;
  };
  return {
    async producer(transactionalId, partitioner) {
      const { transactionalProducer } = await import('../../core/kafka/platformatic.ts');
      await topic();
      return transactionalProducer({
        ...options,
        ...{ acks: -1, codec: 'none', idempotent: true, transactionalId, autoCreateTopics: true, partitioner },
      });
    },
    async read(each, lost) {
      const { readTopic } = await import('../../core/kafka/platformatic-reader.ts');
      await topic();
      const reading = await readTopic(
        readerOptions(options),
        config.topic,
        async ({ records, done }) => {
          for (const record of records) {
            if (record.key !== undefined) each(record.key.toString(), record.value);
            done(record);
          }
        },
        (error) => lost(error as Error),
      );
      return () => reading.close();
    },
  };
}

function readerOptions(options: ReturnType<typeof clientOptions>): ConsumerOptions {
  return {
    ...options,
    ...{ groupId: `${options.clientId}-checkpoints`, groupInstanceId: '', strategy: 'range' },
    ...{ initialOffset: 'earliest', committedOnly: true, commitIntervalMs: 0 },
    ...{ sessionTimeoutMs: 10_000, heartbeatMs: 3_000, rebalanceTimeoutMs: 60_000 },
    ...{ minBytes: 1, maxBytes: FETCH_BYTES, maxBytesPerPartition: FETCH_BYTES, maxWaitMs: FETCH_WAIT_MS },
  };
}

/** Compacted, so that it holds the last snapshot and not all of them. */
async function makeTopic(config: Infer<typeof kafka>, options: ReturnType<typeof clientOptions>): Promise<void> {
  const { TopicAdmin } = await import('../../core/kafka/admin.ts');
  const admin = new TopicAdmin(options);
  try {
    if ((await admin.read([config.topic])).size > 0) return;
    const replicationFactor = Math.min(config.replication_factor, await admin.brokers());
    const { topic, partitions } = config;
    const configs = { 'cleanup.policy': 'compact' };
    await admin.apply({ kind: 'create', topic, partitions, replicationFactor, configs });
  } catch (error) {
    // another process may have been faster
    if ((await admin.read([config.topic])).size === 0) throw error;
  } finally {
    await admin.close();
  }
}
