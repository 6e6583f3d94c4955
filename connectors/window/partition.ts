import type { Partition } from '../../core/stream/partition-runner.ts';
import type { SignalKeys } from '../../core/stream/signal-keys.ts';
import { KeyedWindows } from '../../core/stream/window/keyed-windows.ts';
import type { Windowing } from '../../core/stream/window/windowing.ts';
import type { Config } from './config.ts';
import { ResultWriter } from './output.ts';
import type { Item, NumberAggregation } from './statistics.ts';

/** The windows of one partition, and what they have to say. */
export class WindowPartition extends KeyedWindows<Item> {
  readonly #partition: Partition;
  readonly #writer: ResultWriter;

  constructor(partition: Partition, config: Config, keys: SignalKeys, aggregation: NumberAggregation) {
    const writer = new ResultWriter(config, keys);
    super(partition, {
      windowing: windowingOf(config),
      aggregation,
      fields: [...config.key, config.value, config.distinct],
      maxKeys: config.max_keys,
      maxBytes: config.max_state_mib * 2 ** 20,
      fire: (key, start, end, row, _late, incomplete) =>
        writer.add(key, start, end, aggregation.numbers(row), incomplete),
    });
    this.#partition = partition;
    this.#writer = writer;
  }

  override advance(watermark: number): void {
    super.advance(watermark);
    this.emit();
  }

  override finish(): void {
    super.finish();
    this.emit();
  }

  /** Hands on what has fired since. */
  emit(): void {
    for (const batch of this.#writer.take(this.#partition.context)) this.#partition.emit(batch);
  }
}

function windowingOf({ type, size, slide, gap, offset, allowed_lateness: lateness }: Config): Windowing {
  if (type === 'session') return { type, gap, lateness };
  return type === 'sliding' ? { type, size, slide, offset, lateness } : { type: 'tumbling', size, offset, lateness };
}
