import { bool, duration, int, string, struct, withoutEffect } from '../config/fields.ts';
import { CODECS, type Codec } from './client.ts';
import { requiredAcks } from './required-acks.ts';

const MIN_BROKER_WRITE = 100 * 1024 * 1024;
const INT32_MAX = 2 ** 31 - 1;

/** `producer`, the section of an exporter. */
export const producer = struct(
  'configkafka.ProducerConfig',
  'How records are sent.',
  {
    max_message_bytes: int(
      'The largest batch of records, before compression. What is larger is split.',
      1_000_000,
      'int',
    ),
    max_broker_write_bytes: withoutEffect('requests are as large as the exporter makes them', (doc) =>
      int(doc, MIN_BROKER_WRITE, 'int'),
    ),
    required_acks: requiredAcks('Who must have the records: 1 the leader, -1 or all the replicas in sync, 0 nobody.'),
    compression: string('none, gzip, snappy, lz4 or zstd.', 'none'),
    compression_params: struct('configcompression.CompressionParams', 'How to compress.', {
      level: withoutEffect('the clients compress at their default level', (doc) => int(doc, 0, 'int')),
    }),
    flush_max_messages: int('The most records of a request.', 10_000, 'int'),
    linger: withoutEffect('what is to wait for more waits in sending_queue.batch', (doc) => duration(doc, '10ms')),
    allow_auto_topic_creation: bool('Whether a topic that is not there may be created by the broker.', true),
    idempotent: bool('Whether brokers drop what a retry of the client would store twice. Needs all replicas in sync.'),
    transactional_id: string('Each request is one transaction of this id, which no other process may use.'),
  },
  {
    ours: ['idempotent', 'transactional_id'],
    finish(value, isSet) {
      const safe = value.idempotent || value.transactional_id !== '';
      return safe && !isSet('required_acks') ? { ...value, required_acks: -1 } : value;
    },
    validate(value, path, report) {
      const fault = producerFault(value);
      if (fault !== undefined) report(path, fault);
    },
  },
);

type Producer = Readonly<Record<'max_message_bytes' | 'max_broker_write_bytes' | 'flush_max_messages', number>> & {
  readonly compression: string;
  readonly required_acks: number;
  readonly idempotent: boolean;
  readonly transactional_id: string;
};

function producerFault(value: Producer): string | undefined {
  const { max_message_bytes: message, max_broker_write_bytes: write } = value;
  if (!CODECS.includes(value.compression as Codec)) {
    const known = "'none', 'gzip', 'snappy', 'lz4', or 'zstd'";
    return `compression should be one of ${known}. configured value is ${JSON.stringify(value.compression)}`;
  }
  for (const [key, bytes] of [['max_message_bytes', message] as const, ['max_broker_write_bytes', write] as const]) {
    if (bytes < 0) return `${key} (${bytes}) must be non-negative`;
    if (bytes > INT32_MAX) return `${key} (${bytes}) must not exceed ${INT32_MAX}`;
  }
  if (write < MIN_BROKER_WRITE) {
    return `max_broker_write_bytes (${write}) must be at least ${MIN_BROKER_WRITE} (100 MiB, franz-go minimum)`;
  }
  if (message > write) {
    return `max_message_bytes (${message}) cannot be greater than max_broker_write_bytes (${write})`;
  }
  if (value.flush_max_messages < 1) return `flush_max_messages (${value.flush_max_messages}) must be at least 1`;
  if ((value.idempotent || value.transactional_id !== '') && value.required_acks !== -1) {
    return 'idempotent and transactional_id need required_acks: all';
  }
  return undefined;
}
