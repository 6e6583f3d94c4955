import type { Consumer, EachBatchPayload, Kafka, KafkaMessage, PartitionAssigner } from 'kafkajs';
import kafkajs from 'kafkajs';
import { assign, type Strategy } from './assign.ts';
import type { ConsumerOptions, IncomingRecord, Membership, RecordBatch, RecordHandler } from './client.ts';
import { kafkaError } from './errors.ts';

/** Partitions that are worked on at a time; the fetches of so many are in memory. */
const PARTITIONS_AT_A_TIME = 8;

/** See KafkaDriver.join. */
export async function joinGroup(
  client: Kafka,
  options: ConsumerOptions,
  topics: readonly string[],
  handler: RecordHandler,
  lost: (error: unknown) => void,
): Promise<Membership> {
  const consumer = client.consumer({
    groupId: options.groupId,
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.rebalanceTimeoutMs,
    heartbeatInterval: options.heartbeatMs,
    metadataMaxAge: options.metadataMaxAgeMs,
    minBytes: options.minBytes,
    maxBytes: options.maxBytes,
    maxBytesPerPartition: options.maxBytesPerPartition,
    maxWaitTimeInMs: options.maxWaitMs,
    readUncommitted: !options.committedOnly,
    retry: { restartOnFailure: async () => false },
    partitionAssigners: [assigner(options.strategy)],
  });
  consumer.on('consumer.crash', ({ payload }) => lost(payload.error));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: options.initialOffset === 'earliest' });
    await run(consumer, options, handler);
  } catch (error) {
    await consumer.disconnect().catch(() => {});
    throw kafkaError('the group cannot be joined', error);
  }
  return {
    close: async () => {
      await consumer.disconnect().catch(() => {});
    },
  };
}

/** The client's own takes all members to want the topics of the leader. */
function assigner(strategy: Strategy): PartitionAssigner {
  const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;
  return ({ cluster }) => ({
    name: strategy,
    version: 0,
    protocol: ({ topics }) => ({
      name: strategy,
      metadata: MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
    }),
    async assign({ members }) {
      const wishes = members.map(({ memberId, memberMetadata }) => ({
        id: memberId,
        topics: MemberMetadata.decode(memberMetadata)?.topics ?? [],
      }));
      for (const topic of new Set(wishes.flatMap(({ topics }) => topics))) await cluster.addTargetTopic(topic);
      await cluster.refreshMetadata();
      const assigned = assign(wishes, (topic) => cluster.findTopicPartitionMetadata(topic).length, strategy);
      return [...assigned].map(([memberId, topics]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: 0,
          assignment: Object.fromEntries(topics),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

function run(consumer: Consumer, options: ConsumerOptions, handler: RecordHandler): Promise<void> {
  return consumer.run({
    autoCommit: true,
    autoCommitInterval: Math.max(1, options.commitIntervalMs),
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS_AT_A_TIME,
    eachBatch: (payload) => handleBatch(payload, options, handler),
  });
}

/**
 * The member shows that it is alive while the handler works. Where the answer is that the group is being divided anew,
 * the handler is told by `active`, and the error goes back to the client, which commits what is done and joins again.
 */
async function handleBatch(payload: EachBatchPayload, options: ConsumerOptions, handler: RecordHandler): Promise<void> {
  const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale } = payload;
  let left: unknown;
  const work: RecordBatch = {
    topic: batch.topic,
    partition: batch.partition,
    records: batch.messages.map(incoming),
    highWatermark: BigInt(batch.highWatermark),
    active: () => left === undefined && isRunning() && !isStale(),
    done: (record) => resolveOffset(String(record.offset)),
  };
  const beat = options.clock.every(options.heartbeatMs, () => {
    heartbeat()
      .then(() => commitOffsetsIfNecessary())
      .catch((error) => {
        left ??= error;
      });
  });
  try {
    await handler(work);
  } finally {
    beat.cancel();
  }
  if (left !== undefined) throw left;
}

function incoming(message: KafkaMessage): IncomingRecord {
  const headers: [string, Buffer][] = [];
  for (const [key, value] of Object.entries(message.headers ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) headers.push([key, Buffer.from(one)]);
    }
  }
  return {
    offset: BigInt(message.offset),
    timestamp: Number(message.timestamp),
    key: message.key ?? undefined,
    value: message.value ?? Buffer.alloc(0),
    headers,
  };
}
