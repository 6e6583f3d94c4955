/**
 * Windows: points a second of a core through the connector, and what an overlap costs beside windows that keep a copy
 * of everything.
 * Run: `node --expose-gc test/bench/window.bench.ts`.
 */
import { config } from '../../connectors/window/config.ts';
import { windowConnector } from '../../connectors/window/connector.ts';
import { NumberAggregation } from '../../connectors/window/statistics.ts';
import type { Outputs } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import type { Consumer } from '../../core/consumer.ts';
import { KeyedWindows } from '../../core/stream/window/keyed-windows.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { TestPartition } from '../../core/testing/test-partition.ts';
import { pointsOf, START } from './points.ts';

const KEYS = 10_000;
const STEP_MS = 1_000;

const sink: Consumer & { results: number } = {
  results: 0,
  consume(batch) {
    sink.results += batch.items;
    batch.release();
  },
};
const outputs: Outputs = {
  for: () => sink,
  pipelines: new Map([
    ['metrics/x', sink],
    ['logs/x', sink],
  ]),
};
const common = 'max_future: 0s\nout_of_orderness: 1s';

function windows(yaml: string) {
  const settings = testSettings({ id: 'window', kind: 'connector' });
  return windowConnector(settings, readYaml(config, `${common}\n${yaml}`), outputs);
}

function cpuSeconds(work: () => void): number {
  globalThis.gc?.();
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function throughput(rounds: number): Promise<void> {
  const subject = windows('type: sliding\nsize: 1m\nslide: 30s');
  await subject.start(new NopHost());
  const batches = pointsOf(KEYS);
  for (let round = 0; round < rounds; round++) {
    const seconds = cpuSeconds(() => {
      for (let step = 0; step < 60; step++) {
        for (const batch of batches) void subject.consume(batch.at(START + (round * 60 + step) * STEP_MS));
      }
    });
    const points = 60 * KEYS;
    console.log(`  round ${round + 1}: ${Math.round(points / seconds)} points/s of a core, ${sink.results} results`);
  }
  await subject.shutdown();
}

/** Windows that each keep their own numbers: an event is added to all that it is in. */
class Copies {
  fired = 0;
  readonly #aggregation = new NumberAggregation(false, false);
  readonly #windows = new Map<number, Map<string, number>>();
  readonly #free: number[] = [];
  #rows = 0;
  readonly #size: number;
  readonly #slide: number;

  constructor(size: number, slide: number) {
    this.#size = size;
    this.#slide = slide;
  }

  add(key: string, time: number, value: number): void {
    for (let start = time - (time % this.#slide); start > time - this.#size; start -= this.#slide) {
      let window = this.#windows.get(start);
      if (window === undefined) {
        window = new Map();
        this.#windows.set(start, window);
      }
      let row = window.get(key);
      if (row === undefined) {
        row = this.#free.pop() ?? this.#rows++;
        this.#aggregation.begin(row);
        window.set(key, row);
      }
      this.#aggregation.add(row, { value, text: '' });
    }
  }

  advance(watermark: number): void {
    for (const [start, window] of this.#windows) {
      if (start + this.#size - 1 > watermark) continue;
      this.fired += window.size;
      this.#free.push(...window.values());
      this.#windows.delete(start);
    }
  }
}

function overlap(size: number, slide: number): void {
  const names = Array.from({ length: KEYS }, (_, i) => `service-${i}`);
  const partition = new TestPartition();
  let fired = 0;
  const slices = new KeyedWindows(partition, {
    windowing: { type: 'sliding', size, slide, offset: 0, lateness: 0 },
    aggregation: new NumberAggregation(false, false),
    ...{ fields: [], maxKeys: KEYS, maxBytes: Number.POSITIVE_INFINITY },
    fire: () => fired++,
  });
  const copies = new Copies(size, slide);
  const steps = 240;
  const each = (work: (name: string, time: number) => void, after: (time: number) => void) => () => {
    for (let step = 0; step < steps; step++) {
      const time = START + step * 500;
      for (const name of names) work(name, time);
      after(time - 1);
    }
  };
  const ours = cpuSeconds(
    each(
      (name, time) => slices.add(name, time, { value: 1, text: '' }, undefined, ''),
      (time) => partition.clock.advance('', time) && slices.advance(time),
    ),
  );
  const theirs = cpuSeconds(
    each(
      (name, time) => copies.add(name, time, 1),
      (time) => copies.advance(time),
    ),
  );
  if (fired !== copies.fired) throw new Error(`${fired} windows instead of ${copies.fired}`);
  const points = steps * KEYS;
  const perSecond = (seconds: number) => `${Math.round(points / seconds / 1000)}k/s`;
  const ratio = (theirs / ours).toFixed(1);
  console.log(
    `  ${size / slide} windows at once: slices ${perSecond(ours)}, copies ${perSecond(theirs)}, ${ratio} times`,
  );
}

console.log('1-minute windows every 30 seconds, 10,000 keys:');
await throughput(Number(process.argv[2] ?? 5));
console.log('the cost of overlap, 10,000 keys, without reading batches:');
for (const slide of [60_000, 30_000, 10_000, 5_000]) overlap(60_000, slide);
