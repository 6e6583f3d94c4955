import { bool, duration, type Infer, int, struct } from '../../core/config/fields.ts';

export const config = struct(
  'groupbytraceprocessor.Config',
  'How long traces are collected, and how many at once.',
  {
    num_traces: int('Traces that are collected at once. With more, the oldest is dropped.', 1_000_000),
    num_workers: int('Accepted for compatibility; room is for a multiple of it.', 1),
    wait_duration: duration('From the first span of a trace until it is handed on.', '1s'),
    discard_orphans: bool('Not supported, as in the collector: must be false.'),
    store_on_disk: bool('Not supported, as in the collector: must be false.'),
  },
  {
    validate(value, path, report) {
      if (value.store_on_disk) report(path, "option 'disk storage' not supported in this release");
      if (value.discard_orphans) report(path, "option 'discard orphans' not supported in this release");
      if (value.num_workers < 0) report(path, 'num_workers must not be negative');
      if (value.num_traces < 0) report(path, 'num_traces must not be negative');
    },
  },
);
export type Config = Infer<typeof config>;

/** How many traces there is room for; at least one, where the collector would end with a panic. */
export function capacityOf({ num_traces, num_workers }: Config): number {
  const workers = Math.max(1, num_workers);
  return Math.max(1, num_traces - (num_traces % workers));
}
