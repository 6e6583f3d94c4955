import { duration, type Infer, stringList, struct, uint32 } from '../../core/config/fields.ts';

export const config = struct(
  'batchprocessor.Config',
  'When a batch is sent, and what goes into one.',
  {
    timeout: duration('A batch is sent after this time whatever its size. 0 sends everything at once.', '200ms'),
    send_batch_size: uint32('A batch is sent as soon as it has this many items. 0 sends everything at once.', 8192),
    send_batch_max_size: uint32('Larger batches are split; 0 means no limit. Not less than send_batch_size.'),
    metadata_keys: stringList('Requests are batched apart for each combination of values of these client metadata.'),
    metadata_cardinality_limit: uint32('Requests with a further combination are refused; 0 means no limit.', 1000),
  },
  {
    validate(value, path, report) {
      if (value.send_batch_max_size > 0 && value.send_batch_max_size < value.send_batch_size) {
        report(path, 'send_batch_max_size must be greater or equal to send_batch_size');
      }
      const seen = new Set<string>();
      for (const key of value.metadata_keys.map((k) => k.toLowerCase())) {
        if (seen.has(key)) report(path, `duplicate entry in metadata_keys: "${key}" (case-insensitive)`);
        seen.add(key);
      }
      if (value.timeout < 0) report(path, 'timeout must be greater or equal to 0');
    },
  },
);
export type Config = Infer<typeof config>;
