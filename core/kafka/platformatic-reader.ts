import type { ConsumerOptions, Membership, RecordHandler } from './client.ts';
import { kafkaError } from './errors.ts';
import { baseOptions } from './platformatic.ts';
import { Fetcher } from './platformatic-fetcher.ts';
import { ConsumedPartition } from './platformatic-partition.ts';

/**
 * Hands all records of a topic that transactions have committed to the handler, from the earliest on and without a
 * group, until it is closed. Those of a producer come in their order.
 */
export async function readTopic(
  options: ConsumerOptions,
  topic: string,
  handler: RecordHandler,
  lost: (error: unknown) => void,
): Promise<Membership> {
  const fetcher = new Fetcher(baseOptions(options), { ...options, initialOffset: 'earliest' }, lost);
  try {
    const partitions = await insistently(options, async () => {
      const count = await fetcher.partitionsOf(topic);
      const found = Array.from({ length: count }, (_, i) => new ConsumedPartition(topic, i, handler, 'producer'));
      await fetcher.seekInitial(found);
      return found;
    });
    fetcher.fetch(partitions);
    return {
      async close() {
        for (const partition of partitions) partition.stop();
        await fetcher.close();
        await Promise.all(partitions.map((partition) => partition.idle()));
      },
    };
  } catch (error) {
    await fetcher.close();
    throw kafkaError(`topic ${topic} cannot be read`, error);
  }
}

/** The leaders of a new topic are not there at once. */
async function insistently<T>(
  { retries, retryDelayMs, clock }: ConsumerOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let left = retries; left > 0; left--) {
    try {
      return await attempt();
    } catch {
      await new Promise<void>((resolve) => {
        clock.after(retryDelayMs, resolve);
      });
    }
  }
  return attempt();
}
