import { duration, type Infer, int, oneOf, string, struct } from '../config/fields.ts';

/** What all stages that work in event time have. */
export const stream = struct('stream.Config', 'Event time and state.', {
  out_of_orderness: duration('How far an event may lie behind the newest one of its partition and be in time.', '10s'),
  idle_timeout: duration(
    'After so long without events, event time goes on at the speed of the clock; 0 waits for events.',
  ),
  max_future: duration('An event further ahead of the clock than this does not count; 0 takes all.', '1h'),
  state: oneOf(
    'What state belongs to. partition: each partition of the source has its own, which goes where it goes; ' +
      'shared: all partitions of this process together.',
    ['partition', 'shared'],
    'partition',
  ),
  max_keys: int('Keys of a partition with state; events of further keys are dropped and counted.', 1_000_000),
  late_pipeline: string('The pipeline, such as logs/late, that gets what does not count, as it came.'),
});
export type StreamConfig = Infer<typeof stream>;

/** Of stages whose state can grow with the events of a key. */
export const maxState = int(
  'Memory of a partition for what is open, about; beyond it events are dropped and counted until windows end.',
  1_024,
);

/** What is wrong in the common options. */
export function* streamFaults(value: StreamConfig): Iterable<[key: string, message: string]> {
  for (const key of ['out_of_orderness', 'idle_timeout', 'max_future'] as const) {
    if (value[key] < 0) yield [key, 'must not be negative'];
  }
  if (value.max_keys < 1) yield ['max_keys', 'must be at least 1'];
}
