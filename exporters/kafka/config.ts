import {
  bool,
  componentId,
  type Infer,
  int,
  list,
  optional,
  secret,
  string,
  stringList,
  struct,
} from '../../core/config/fields.ts';
import type { ConfigNode } from '../../core/config/node.ts';
import { sendingQueue } from '../../core/config/sections/queue.ts';
import { retry } from '../../core/config/sections/retry.ts';
import { timeout } from '../../core/config/sections/timeout.ts';
import { kafkaClient } from '../../core/kafka/config.ts';
import { producer } from '../../core/kafka/producer-config.ts';
import { SIGNALS, type Signal } from '../../core/signal.ts';

/** The key of a metric's records: the name of the service and that of the metric. */
export const SERVICE_AND_METRIC = 'service.name-metric.name';
/** The key of an event's records: its user, else its session, else `anonymous`. */
export const USER = 'user';

const signalFields = (topic: string) => ({
  topic: string('Where records of this signal go.', topic),
  topic_from_metadata_key: string('Client metadata that names the topic, before anything else.'),
  message_key_from_metadata_key: string('Client metadata that is the key of the records.'),
  message_key: string(
    `The key of the records: a resource attribute, ${SERVICE_AND_METRIC} for metrics, ${USER} for logs. Empty: none.`,
  ),
  encoding: string(
    'otlp_proto, otlp_json; for logs also raw, text, json and events_json, with a record for each; for traces also ' +
      'zipkin_proto, zipkin_json, jaeger_proto and jaeger_json, the latter with a record for each.',
    'otlp_proto',
  ),
});
const signal = (topic: string) =>
  struct('kafkaexporter.SignalConfig', 'Records of this signal.', signalFields(topic), { ours: ['message_key'] });
export type SignalConfig = Infer<ReturnType<typeof signal>>;

const HASHERS: readonly string[] = ['sarama_compat', 'murmur2'];
const off = { present: false, whenNull: 'off', enabledKey: false } as const;

const recordPartitioner = struct(
  'kafkaexporter.RecordPartitionerConfig',
  'How the partition of a record is chosen.',
  {
    sticky_key: optional(
      struct(
        'kafkaexporter.StickyKeyPartitionerConfig',
        'By the hash of the key; records without a key go together. The default, with sarama_compat.',
        { hasher: string('sarama_compat (FNV-1a) or murmur2, which the Java client takes.') },
      ),
      off,
    ),
    round_robin: optional(struct('kafkaexporter.RoundRobin', 'To each partition in turn; written as `{}`.', {}), off),
    least_backup: optional(
      struct('kafkaexporter.LeastBackup', 'As round_robin, since no records wait here; written as `{}`.', {}),
      off,
    ),
    extension: componentId('Not supported.'),
  },
  {
    validate(value, path, report) {
      const set = Object.values(value).filter((one) => one !== undefined);
      if (set.length > 1) report(path, 'at most one record_partitioner strategy may be configured');
      if (set.length === 0) report(path, 'record_partitioner: no partitioner type configured');
      const hasher = value.sticky_key?.hasher;
      if (hasher !== undefined && !HASHERS.includes(hasher)) {
        const known = HASHERS.map((one) => JSON.stringify(one)).join(', ');
        report(path, `sticky_key: unknown hasher ${JSON.stringify(hasher)}, valid values are ${known}`);
      }
    },
  },
);

const kafkaRetry = struct(
  'configretry.BackOffConfig',
  retry.doc,
  {
    max_retries: int(
      'The most tries after the first one, without those while no broker is there; 0 sets no limit beside the time.',
      0,
      'int',
    ),
  },
  { embed: [retry], ours: ['max_retries'] },
);

/** One old key stands for a key of every signal. */
const ofEverySignal = (key: string, convert?: (node: ConfigNode) => ConfigNode | undefined) => ({
  standard: `traces.${key}`,
  also: [`metrics.${key}`, `logs.${key}`],
  ...(convert === undefined ? {} : { convert }),
});

export const config = struct(
  'kafkaexporter.Config',
  'Where to send, what, and how.',
  {
    exactly_once: bool(
      'Records go out with the next checkpoint of the partition they come from, in its transaction: the extension ' +
        'checkpoint decides when, and how often to try. Without sending_queue and retry_on_failure.',
    ),
    sending_queue: sendingQueue(),
    retry_on_failure: kafkaRetry,
    producer,
    traces: signal('otlp_spans'),
    metrics: signal('otlp_metrics'),
    logs: signal('otlp_logs'),
    profiles: signal('otlp_profiles'),
    topic_from_attribute: string('Resource attribute that names the topic.'),
    include_metadata_keys: stringList('Client metadata that become headers of the records.'),
    record_headers: list(
      'Headers of every record.',
      struct('kafkaclient.RecordHeader', 'A header.', {
        name: string('Its name.'),
        value: secret('Its value.'),
      }),
    ),
    partition_traces_by_id: bool('Whether spans are parted by trace, whose id in hexadecimal is the key.'),
    partition_metrics_by_resource_attributes: bool('Whether a hash of the resource is the key of metrics.'),
    partition_logs_by_resource_attributes: bool('Whether a hash of the resource is the key of logs.'),
    partition_logs_by_trace_id: bool('Whether logs are parted by trace, whose id in hexadecimal is the key.'),
    record_partitioner: optional(recordPartitioner, { ...off, whenEmpty: 'off' }),
  },
  {
    embed: [timeout, kafkaClient],
    ours: ['driver', 'exactly_once'],
    legacy: {
      topic: ofEverySignal('topic'),
      encoding: ofEverySignal('encoding'),
      partition_key: ofEverySignal('message_key'),
      compression: { standard: 'producer.compression' },
      max_message_bytes: { standard: 'producer.max_message_bytes' },
      required_acks: { standard: 'producer.required_acks' },
      retry: { standard: 'retry_on_failure' },
    },
    // whoever sends waits until the records are part of the next checkpoint, which has no limit of tries
    finish: (value) =>
      value.exactly_once
        ? { ...value, sending_queue: undefined, retry_on_failure: { ...value.retry_on_failure, enabled: false } }
        : value,
    validate(value, path, report) {
      const fault = keyFault(value) ?? batchFault(value);
      if (fault !== undefined) report(path, fault);
    },
  },
);
export type Config = Infer<typeof config>;

const exclusive = (signal: Signal, others: string) =>
  `${signal}::message_key_from_metadata_key cannot be combined with ${others}`;

function keyFault(value: Config): string | undefined {
  const byResource = value.partition_logs_by_resource_attributes;
  const byTrace = value.partition_logs_by_trace_id;
  if (byResource && byTrace) {
    return 'partition_logs_by_resource_attributes and partition_logs_by_trace_id cannot both be enabled';
  }
  const fromMetadata = (signal: Signal) => value[signal].message_key_from_metadata_key !== '';
  if (fromMetadata('traces') && value.partition_traces_by_id) return exclusive('traces', 'partition_traces_by_id');
  if (fromMetadata('metrics') && value.partition_metrics_by_resource_attributes) {
    return exclusive('metrics', 'partition_metrics_by_resource_attributes');
  }
  if (fromMetadata('logs') && (byResource || byTrace)) {
    return exclusive('logs', 'partition_logs_by_resource_attributes or partition_logs_by_trace_id');
  }
  return undefined;
}

/** A batch made of several requests keeps only the metadata by which it was made. */
function batchFault(value: Config): string | undefined {
  const batch = value.sending_queue?.batch;
  if (batch === undefined) return undefined;
  const where = 'sending_queue::batch::partition::metadata_keys';
  const kept = batch.partition.metadata_keys;
  const included = value.include_metadata_keys;
  if (included.length > 0 && kept.length === 0) {
    return `${where} must be configured when include_metadata_keys is set and batching is enabled`;
  }
  const missing = included.find((key) => !kept.includes(key));
  if (missing !== undefined) {
    return `${where} must include all include_metadata_keys values: missing ${JSON.stringify(missing)}`;
  }
  for (const what of ['topic_from_metadata_key', 'message_key_from_metadata_key'] as const) {
    for (const signal of SIGNALS) {
      const key = value[signal][what];
      if (key === '' || kept.includes(key)) continue;
      return `${signal}::${what}: ${what} must be present in ${where} if batching is enabled: "${key}" not found`;
    }
  }
  return undefined;
}
