import { parseComponentId } from '../../core/component-id.ts';
import {
  bool,
  duration,
  type Infer,
  int,
  list,
  maybe,
  oneOf,
  optional,
  string,
  stringList,
  struct,
  withoutEffect,
} from '../../core/config/fields.ts';
import { retry } from '../../core/config/sections/retry.ts';
import { kafkaClient } from '../../core/kafka/config.ts';
import { compileRegexp } from '../../core/regexp.ts';

const RANGE = 'range';
const STRATEGIES: ReadonlySet<string> = new Set([RANGE, 'roundrobin', 'sticky', 'cooperative-sticky']);

const consumer = struct(
  'configkafka.ConsumerConfig',
  'How records are consumed.',
  {
    session_timeout: duration('A member that was not heard of for so long is no longer one.', '10s'),
    heartbeat_interval: duration('How often the member is heard of.', '3s'),
    group_id: string('The group that the partitions are divided among.', 'otel-collector'),
    initial_offset: string('Where to begin where the group has no offset: latest or earliest.', 'latest'),
    autocommit: struct('configkafka.AutoCommitConfig', 'How offsets are committed.', {
      enable: bool('False commits only where a partition is given away and at the end.', true),
      interval: duration('How often.', '1s'),
    }),
    min_fetch_size: int('A broker answers with so many bytes at least, or after max_fetch_wait.', 1, 'int32'),
    max_fetch_size: int('The most bytes of an answer.', 1_048_576, 'int32'),
    max_fetch_wait: duration('How long a broker waits for records.', '250ms'),
    max_partition_fetch_size: int('The most bytes of a partition, in an answer and waiting here.', 1_048_576, 'int32'),
    group_rebalance_strategies: list(
      'range or roundrobin; the first of these is taken, range where none is.',
      string('A strategy.'),
    ),
    group_rebalance_strategy: string('The same as a single one.'),
    group_instance_id: string('Makes the member a static one, which may restart without its partitions moving.'),
  },
  {
    validate(value, path, report) {
      const fault = consumerFault(value);
      if (fault !== undefined) report(path, fault);
    },
  },
);

interface ConsumerKeys {
  readonly initial_offset: string;
  readonly min_fetch_size: number;
  readonly max_fetch_size: number;
  readonly max_partition_fetch_size: number;
  readonly group_rebalance_strategies: readonly string[];
  readonly group_rebalance_strategy: string;
}

function consumerFault(value: ConsumerKeys): string | undefined {
  const { initial_offset: initial, min_fetch_size: min, max_fetch_size: max } = value;
  if (initial !== 'latest' && initial !== 'earliest') {
    return `initial_offset should be one of 'latest' or 'earliest'. configured value ${initial}`;
  }
  if (value.group_rebalance_strategy !== '' && value.group_rebalance_strategies.length > 0) {
    return 'group_rebalance_strategy and group_rebalance_strategies are mutually exclusive';
  }
  if (value.group_rebalance_strategies.some((one) => one.trim() === '')) {
    return 'group_rebalance_strategies entries cannot be empty';
  }
  for (const one of [value.group_rebalance_strategy, ...value.group_rebalance_strategies]) {
    const id = one === '' || STRATEGIES.has(one) ? undefined : parseComponentId(one);
    if (id === undefined || !('error' in id)) continue;
    const known = [...STRATEGIES].join(', ');
    const message = `is not a built-in strategy (${known}) or a valid extension ID: ${id.error}`;
    return `group rebalance strategy ${JSON.stringify(one)} ${message}`;
  }
  for (const key of ['min_fetch_size', 'max_fetch_size', 'max_partition_fetch_size'] as const) {
    if (value[key] < 0) return `${key} (${value[key]}) must be non-negative`;
  }
  return max < min ? `max_fetch_size (${max}) cannot be less than min_fetch_size (${min})` : undefined;
}

const topic = (name: string) =>
  struct(
    'kafkareceiver.TopicEncodingConfig',
    'Topics of this signal.',
    {
      topics: stringList('Names, or patterns that begin with ^.', [name]),
      encoding: string(
        'otlp_proto, otlp_json; for logs also raw, json, events_json, text and text_CHARSET; for traces also ' +
          'jaeger_proto, jaeger_json, zipkin_proto, zipkin_json and zipkin_thrift.',
        'otlp_proto',
      ),
      exclude_topics: stringList('Patterns of topics that are left out of what the patterns match.'),
    },
    { legacy: { topic: { standard: 'topics' } } },
  );

const ofEverySignal = (key: string) => ({ standard: `traces.${key}`, also: [`metrics.${key}`, `logs.${key}`] });

const LIMITED = 'max_fetch_size and max_partition_fetch_size are the limits';
const unlimited = struct('kafkareceiver.InFlightConfig', 'Limits of a partition.', {
  records: withoutEffect(LIMITED, (doc) => int(doc, 1, 'int')),
  batches: withoutEffect(LIMITED, (doc) => int(doc, 1, 'int')),
  bytes: withoutEffect(LIMITED, (doc) => int(doc, 0, 'int')),
  window: withoutEffect(LIMITED, (doc) => string(doc)),
});

const marking = struct(
  'kafkareceiver.MessageMarking',
  'When a record is done, so that its offset is committed. Without this section: when the pipeline accepted it.',
  {
    after: bool('After it was handed on; false: before, so that it may be lost.'),
    on_error: bool('Also when it was refused for now; else it is handed on again until it is accepted.'),
    on_permanent_error: maybe(
      bool('Also when it cannot be read or was refused for good; else its partition stands still. Unset: as on_error.'),
    ),
  },
);

export const config = struct(
  'kafkareceiver.Config',
  'What to consume, and when it is done.',
  {
    traces: topic('otlp_spans'),
    metrics: topic('otlp_metrics'),
    logs: topic('otlp_logs'),
    profiles: topic('otlp_profiles'),
    isolation_level: oneOf(
      'read_committed leaves out records of transactions that were not committed.',
      ['read_uncommitted', 'read_committed'],
      'read_uncommitted',
    ),
    message_marking: optional(marking, { present: false, enabledKey: false }),
    header_extraction: struct('kafkareceiver.HeaderExtraction', 'Headers that become resource attributes.', {
      extract_headers: bool('Whether they do, as kafka.header.NAME.'),
      headers: stringList('Their names.'),
    }),
    error_backoff: retry.with({ enabled: false }),
    partition_processing: struct('kafkareceiver.PartitionProcessingConfig', 'How partitions are processed.', {
      independent: withoutEffect('partitions never wait for each other', (doc) => bool(doc), true),
      max_prefetch: unlimited,
      max_in_flight: unlimited,
    }),
    telemetry: struct('kafkareceiver.TelemetryConfig', 'Metrics that are off unless asked for.', {
      metrics: struct('kafkareceiver.MetricsConfig', 'By name.', {
        kafka_receiver_records_delay: struct('kafkareceiver.MetricConfig', 'How old records are.', {
          enabled: bool('Whether it is measured.'),
        }),
      }),
    }),
  },
  {
    embed: [kafkaClient, consumer],
    ours: ['driver', 'isolation_level', 'partition_processing'],
    legacy: { topic: ofEverySignal('topics'), encoding: ofEverySignal('encoding') },
    validate(value, path, report) {
      for (const signal of ['logs', 'metrics', 'traces', 'profiles'] as const) {
        const { topics, exclude_topics: exclude } = value[signal];
        const fault =
          excludeFault(signal, topics, exclude) ?? patternFault(`${signal}.topics`, topics.filter(isPattern));
        if (fault !== undefined) report(path, fault);
      }
    },
  },
);
export type Config = Infer<typeof config>;

function excludeFault(signal: string, topics: readonly string[], exclude: readonly string[]): string | undefined {
  if (exclude.length === 0) return undefined;
  if (!topics.some(isPattern)) {
    const where = `none of the configured ${signal}.topics use regex pattern (must start with '^')`;
    return `${signal}.exclude_topics is configured but ${where}`;
  }
  if (exclude.includes('')) return `${signal}.exclude_topics contains empty string, which would match all topics`;
  return patternFault(`${signal}.exclude_topic`, exclude);
}

function patternFault(where: string, patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    try {
      compileRegexp(pattern);
    } catch (error) {
      return `${where} contains invalid regex pattern: ${(error as Error).message}`;
    }
  }
  return undefined;
}

export const isPattern = (topic: string): boolean => topic.startsWith('^');

/** The strategies that the configuration asks for, what it likes best first. */
export const strategiesOf = (value: Config): readonly string[] =>
  [...value.group_rebalance_strategies, value.group_rebalance_strategy].filter((one) => one !== '');
