import {
  bool,
  componentId,
  duration,
  type Infer,
  int,
  mapOf,
  maybe,
  oneOf,
  optional,
  string,
  struct,
} from '../../core/config/fields.ts';
import { bufferSize } from '../../core/config/sections/common.ts';
import { httpClient } from '../../core/config/sections/http-client.ts';
import { retry } from '../../core/config/sections/retry.ts';

/** The collector's; the key is accepted, our writes have a size of their own. */
const WRITE_BUFFER = 512 * 1024;
const MAX_BATCH_BYTES = 3_000_000;

export const V1 = 'prometheus.WriteRequest';
export const V2 = 'io.prometheus.write.v2.Request';
const VERSIONS = [V1, V2] as const;

const STRATEGIES = [
  '',
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const;
/** Names that only the second version can carry. */
export const KEEPS_NAMES: ReadonlySet<string> = new Set(['NoUTF8EscapingWithSuffixes', 'NoTranslation']);

const writeQueue = struct(
  'prometheusremotewriteexporter.RemoteWriteQueue',
  'Batches wait here for the receiver.',
  {
    enabled: bool('Whether batches wait in a queue instead of holding up the pipeline.', true),
    queue_size: int('So many batches.', 10_000, 'int'),
    num_consumers: int(
      'Requests of one batch that are sent at a time, unless max_batch_request_parallelism says so. With the feature ' +
        'gate exporter.prometheusremotewritexporter.EnableMultipleWorkers: batches that are sent at a time.',
      5,
      'int',
    ),
    storage: componentId('Extension that keeps the queue over a restart.'),
  },
  { ours: ['storage'] },
);

const resourceToTelemetry = struct('resourcetotelemetry.Settings', 'Attributes of the resource as labels.', {
  enabled: bool('Whether every series gets the attributes of its resource as labels.'),
  exclude_service_attributes: bool('Leaves out service.name, service.namespace and service.instance.id.'),
});

const wal = struct('prometheusremotewriteexporter.WALConfig', 'Refused: remote_write_queue.storage is for that.', {
  directory: string('Folder of the log.'),
  buffer_size: int('Requests read at a time.', 300, 'int'),
  truncate_frequency: duration('How often what was sent is deleted.', '1m'),
  lag_record_frequency: duration('How often the lag is measured.', '15s'),
});

const targetInfo = struct('prometheusremotewriteexporter.TargetInfo', 'The series target_info.', {
  enabled: bool('Whether there is one for each resource, with its other attributes.', true),
});

export const config = struct(
  'prometheusremotewriteexporter.Config',
  'Where to write and how series are named.',
  {
    timeout: duration('Time limit of each attempt to send; 0 means none.', '5s'),
    retry_on_failure: retry.with({ initial_interval: 50 }),
    namespace: string('Comes before every name.'),
    remote_write_queue: writeQueue,
    external_labels: mapOf('Labels of every series that has none of that name.', string('Value of the label.')),
    max_batch_size_bytes: int('The largest request, before compression.', MAX_BATCH_BYTES, 'int'),
    max_batch_request_parallelism: maybe(int('Requests of one batch that are sent at a time.', 0, 'int')),
    resource_to_telemetry_conversion: resourceToTelemetry,
    wal: optional(wal, { present: false }),
    target_info: targetInfo,
    disable_scope_info: bool('Leaves out the labels about the instrumentation scope.'),
    add_metric_suffixes: bool('Whether names end with unit and type; translation_strategy is the key of today.', true),
    translation_strategy: oneOf(
      'How names are made: other characters become underscores or stay, unit and type are added or not.',
      STRATEGIES,
      '',
      (found) => `invalid translation_strategy: ${found}`,
    ),
    send_metadata: bool('Whether type, unit and description of the metrics are sent. The second version always does.'),
    protobuf_message: oneOf(
      'The version: prometheus.WriteRequest, or io.prometheus.write.v2.Request, which needs the feature gate ' +
        'exporter.prometheusremotewritexporter.enableSendingRW2.',
      VERSIONS,
      V1,
      (found) => `unknown type for remote write protobuf message ${found}, supported: ${VERSIONS.join(', ')}`,
      { nullIsEmpty: true },
    ),
    write_buffer_size: bufferSize(WRITE_BUFFER),
  },
  {
    embed: [httpClient.with({ endpoint: 'http://some.url:9411/api/prom/push' })],
    finish: (value) => (value.max_batch_size_bytes === 0 ? { ...value, max_batch_size_bytes: MAX_BATCH_BYTES } : value),
    validate(value, path, report) {
      const { max_batch_request_parallelism: parallelism, remote_write_queue: queue, compression } = value;
      if (parallelism !== undefined && parallelism < 1) {
        report(path, "max_batch_request_parallelism can't be set to below 1");
      }
      if (value.timeout < 0) report(path, "'timeout' must be non-negative");
      if (queue.queue_size < 0) report(path, "remote write queue size can't be negative");
      if (queue.enabled && queue.queue_size === 0) report(path, 'a 0 size queue will drop all the data');
      if (queue.num_consumers < 0) report(path, "remote write consumer number can't be negative");
      if (value.max_batch_size_bytes < 0) report(path, 'max_batch_byte_size must be greater than 0');
      if (compression !== '' && compression !== 'snappy') report(path, 'compression type must be snappy');
      if (value.wal !== undefined) {
        report(
          `${path}::wal`,
          'not supported: name a file_storage extension in remote_write_queue::storage, ' +
            'which keeps what is waiting on disk',
        );
      }
      if (value.protobuf_message === V1 && KEEPS_NAMES.has(value.translation_strategy)) {
        const strategy = value.translation_strategy;
        report(path, `translation strategy ${strategy} requires Prometheus Remote Write 2.0 (UTF-8 support)`);
      }
    },
  },
);
export type Config = Infer<typeof config>;
