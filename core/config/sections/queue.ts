import {
  bool,
  componentId,
  duration,
  type Infer,
  int,
  oneOf,
  optional,
  type Struct,
  stringList,
  struct,
} from '../fields.ts';

const SIZERS = ['requests', 'items', 'bytes'] as const;
export type Sizer = (typeof SIZERS)[number];
const invalidSizer = (found: string) => `invalid sizer: ${JSON.stringify(found)}`;

const partition = struct(
  'queuebatch.PartitionConfig',
  'Which requests may share a batch.',
  {
    metadata_keys: stringList('Requests are batched apart for each combination of these client metadata values.'),
  },
  {
    validate(value, path, report) {
      const seen = new Set<string>();
      for (const key of value.metadata_keys) {
        const lower = key.toLowerCase();
        if (seen.has(lower)) report(path, `duplicate entry in metadata_keys: "${lower}" (case-insensitive)`);
        seen.add(lower);
      }
    },
  },
);

/** `sending_queue.batch`: requests are joined in the queue. Off unless it is mentioned. */
export const batch = struct(
  'exporterhelper.BatchConfig',
  'Joins waiting requests into batches.',
  {
    flush_timeout: duration('A batch is sent after this time even when it is small.', '200ms'),
    min_size: int('A batch is sent as soon as it has this size.', 8192),
    max_size: int('Bigger batches are split; 0 means no limit.'),
    sizer: oneOf(
      'Unit of the sizes; where it is not set, that of the queue if written there.',
      SIZERS,
      'items',
      invalidSizer,
    ),
    partition,
  },
  {
    validate(value, path, report) {
      if (value.sizer === 'requests') {
        report(path, '`batch` supports only `items` or `bytes` sizer, found "requests"');
      }
      if (value.flush_timeout <= 0) report(path, '`flush_timeout` must be positive');
      if (value.min_size < 0) report(path, '`min_size` must be non-negative');
      if (value.max_size < 0) report(path, '`max_size` must be non-negative');
      if (value.max_size > 0 && value.max_size < value.min_size) {
        report(path, `\`max_size\` (${value.max_size}) must be greater or equal to \`min_size\` (${value.min_size})`);
      }
    },
  },
);
export type BatchConfig = Infer<typeof batch>;

/** The keys of `sending_queue`; as a key of an exporter it is `sendingQueue()`. */
export const queue = struct(
  'exporterhelper.QueueBatchConfig',
  'Requests wait here for the exporter, so that a slow peer does not slow down the pipeline.',
  {
    num_consumers: int('Requests that are sent at a time.', 10, 'int'),
    queue_size: int('Room in the queue, in units of the sizer, requests being sent included.', 1000),
    sizer: oneOf('Unit of queue_size.', SIZERS, 'requests', invalidSizer),
    block_on_overflow: bool('Whether the pipeline waits for room instead of being refused.'),
    wait_for_result: bool('Whether the pipeline waits until the request was sent.'),
    storage: componentId('Extension that keeps the queue over a restart.'),
    batch: optional(batch, { present: false }),
  },
  {
    finish(value, isSet) {
      if (value.batch === undefined || isSet('batch.sizer') || !isSet('sizer')) return value;
      return { ...value, batch: { ...value.batch, sizer: value.sizer } };
    },
    validate(value, path, report) {
      if (value.num_consumers <= 0) report(path, '`num_consumers` must be positive');
      if (value.queue_size <= 0) report(path, '`queue_size` must be positive');
      if (value.storage !== undefined && value.wait_for_result) {
        report(path, '`wait_for_result` is not supported with a persistent queue configured with `storage`');
      }
      if (value.batch === undefined || value.batch.sizer !== value.sizer) return;
      if (value.batch.min_size > value.queue_size) {
        report(path, '`min_size` must be less than or equal to `queue_size`');
      }
    },
  },
);
export type QueueConfig = Infer<typeof queue>;

/** The key `sending_queue` of an exporter: on unless said otherwise, as in most exporters. */
export const sendingQueue = (section: Struct<QueueConfig> = queue, present = true) => optional(section, { present });
