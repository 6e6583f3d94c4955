import { componentId, duration, type Infer, int, optional, string, struct } from '../../core/config/fields.ts';
import { kafkaClient } from '../../core/kafka/config.ts';

export const kafka = struct(
  'checkpoint.KafkaConfig',
  'Snapshots go to a compacted topic, in one transaction with the results they belong to.',
  {
    topic: string('The topic, made where it is not there.', 'weir-checkpoints'),
    partitions: int('Of a new topic.', 12, 'int'),
    replication_factor: int('Of a new topic; lowered where there are fewer brokers.', 3, 'int'),
    transactional_id_prefix: string(
      'Before the name of the partition in the transactional id. The same in all processes that share the work.',
      'weir',
    ),
    max_message_bytes: int('No request to a broker is larger.', 1_000_000, 'int'),
  },
  { embed: [kafkaClient] },
);

export const config = struct(
  'checkpoint.Config',
  'When snapshots are taken, and where they go.',
  {
    interval: duration('Between the beginnings of two checkpoints of a partition.', '60s'),
    min_pause: duration('At least so long between the end of one and the beginning of the next.', '5s'),
    timeout: duration('A checkpoint that takes longer has failed.', '10m'),
    storage: componentId('The storage extension that keeps snapshots, such as file_storage. This or kafka.'),
    exactly_once: optional(kafka, { present: false }),
  },
  {
    validate(value, path, report) {
      if ((value.storage === undefined) === (value.exactly_once === undefined)) {
        report(path, 'needs either storage or exactly_once');
      }
      if (value.interval < 1) report(`${path}::interval`, 'must be at least 1ms');
      if (value.timeout < 1) report(`${path}::timeout`, 'must be at least 1ms');
      const { exactly_once: kafka } = value;
      if (kafka === undefined) return;
      if (kafka.topic === '') report(`${path}::exactly_once::topic`, 'must not be empty');
      // the other client is not used here, whatever is asked for
      if (kafka.driver !== 'platformatic') report(`${path}::exactly_once::driver`, 'must be platformatic');
      if (kafka.partitions < 1) report(`${path}::exactly_once::partitions`, 'must be at least 1');
      if (kafka.max_message_bytes < 10_000)
        report(`${path}::exactly_once::max_message_bytes`, 'must be at least 10000');
    },
  },
);
export type Config = Infer<typeof config>;
