import type { CheckpointedPartition, Outcome } from '../../core/checkpoints/partition.ts';
import type { Settings } from '../../core/component.ts';
import type { ZPageSection } from '../../core/zpages.ts';

const COUNT = {
  name: 'otelcol_checkpoints',
  description: 'Checkpoints of partitions, by outcome.',
  unit: '{checkpoints}',
};
const DURATION = {
  name: 'otelcol_checkpoint_duration',
  description: 'How long storing a checkpoint took.',
  unit: 's',
  bounds: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600],
};
const BYTES = { name: 'otelcol_checkpoint_bytes', description: 'What checkpoints have stored.', unit: 'By' };
const AGE = {
  name: 'otelcol_checkpoint_age',
  description: 'Since the last checkpoint of the partition whose last one is the oldest.',
  unit: 's',
};

/** What is told of checkpoints: metrics, a page, and a line in the log when they begin to fail and succeed again. */
export class Metrics {
  readonly #settings: Settings;
  readonly #partitions: () => ReadonlyMap<string, CheckpointedPartition>;
  readonly #last = new Map<string, Outcome>();
  #failing = false;
  #removeAge: (() => void) | undefined;

  constructor(settings: Settings, partitions: () => ReadonlyMap<string, CheckpointedPartition>) {
    this.#settings = settings;
    this.#partitions = partitions;
  }

  get page(): ZPageSection {
    return {
      page: 'streamz',
      title: 'Checkpoints',
      columns: ['partition', 'age (s)', 'took (s)', 'bytes'],
      rows: () => this.#rows(),
    };
  }

  start(): void {
    const { meter } = this.#settings;
    this.#removeAge = meter.observe(AGE, {}, 'gauge', () => {
      let age = 0;
      for (const partition of this.#partitions().values()) age = Math.max(age, this.#ageOf(partition));
      return age;
    });
  }

  stop(): void {
    this.#removeAge?.();
  }

  add(outcome: Outcome): void {
    const { meter, logger } = this.#settings;
    const { partition, seconds, bytes, error } = outcome;
    meter.counter(COUNT, { outcome: error === undefined ? 'success' : 'failure' }).add(1);
    if (error === undefined) {
      this.#last.set(partition, outcome);
      meter.histogram(DURATION).record(seconds);
      meter.counter(BYTES).add(bytes);
      if (this.#failing) logger.info('Checkpoints succeed again', { partition });
    } else if (!this.#failing) logger.error('A checkpoint failed', { partition, error: error.message });
    this.#failing = error !== undefined;
  }

  *#rows(): Iterable<readonly (string | number)[]> {
    for (const [name, partition] of this.#partitions()) {
      const last = this.#last.get(name);
      const age = this.#ageOf(partition).toFixed(1);
      yield [name === '' ? '(none)' : name, age, last?.seconds.toFixed(3) ?? '', last?.bytes ?? ''];
    }
  }

  #ageOf({ storedAt }: CheckpointedPartition): number {
    return (this.#settings.clock.monotonic() - storedAt) / 1000;
  }
}
