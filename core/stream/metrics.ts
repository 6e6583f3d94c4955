import type { Meter } from '../meter.ts';
import type { PartitionRunner, PartitionState } from './partition-runner.ts';

export const STRAYS = {
  name: 'otelcol_stream_strays',
  description: 'Items that did not count, by reason: late, future, no time, no value, too many keys, too much state.',
  unit: '{items}',
};
const KEYS = { name: 'otelcol_stream_keys', description: 'Keys with state.', unit: '{keys}' };
const OPEN = { name: 'otelcol_stream_open', description: 'Windows or matches that have begun.', unit: '{windows}' };
const PARTITIONS = { name: 'otelcol_stream_partitions', description: 'Partitions with state.', unit: '{partitions}' };
const WAITING = {
  name: 'otelcol_stream_waiting',
  description: 'Partitions whose results are refused.',
  unit: '{partitions}',
};
const LAG = {
  name: 'otelcol_stream_watermark_lag',
  description: 'How far event time is behind the clock, in the partition where it is furthest behind.',
  unit: 's',
};

type Runners = () => Iterable<PartitionRunner<PartitionState>>;

/** Shows the state of a stage; the returned function ends that. */
export function observeState(meter: Meter, connector: string, now: () => number, runners: Runners): () => void {
  const sum = (value: (runner: PartitionRunner<PartitionState>) => number) => () => {
    let total = 0;
    for (const runner of runners()) total += value(runner);
    return total;
  };
  const lag = (): number => {
    let least = now();
    for (const { clock } of runners()) if (Number.isFinite(clock.watermark)) least = Math.min(least, clock.watermark);
    return (now() - least) / 1000;
  };
  const labels = { connector };
  const ends = [
    meter.observe(
      KEYS,
      labels,
      'gauge',
      sum(({ state }) => state.keys),
    ),
    meter.observe(
      OPEN,
      labels,
      'gauge',
      sum(({ state }) => state.open),
    ),
    meter.observe(
      PARTITIONS,
      labels,
      'gauge',
      sum(() => 1),
    ),
    meter.observe(
      WAITING,
      labels,
      'gauge',
      sum(({ isSettled }) => (isSettled ? 0 : 1)),
    ),
    meter.observe(LAG, labels, 'gauge', lag),
  ];
  return () => {
    for (const end of ends) end();
  };
}
