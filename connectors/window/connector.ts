import type { Connector, Outputs, Settings } from '../../core/component.ts';
import { StreamOperator } from '../../core/stream/operator.ts';
import { streamOutputs } from '../../core/stream/outputs.ts';
import type { Partition } from '../../core/stream/partition-runner.ts';
import { KeyedWindows } from '../../core/stream/window/keyed-windows.ts';
import type { Windowing } from '../../core/stream/window/windowing.ts';
import type { Config } from './config.ts';
import { ResultWriter } from './output.ts';
import { WindowStage } from './stage.ts';
import type { Item, NumberAggregation, Numbers } from './statistics.ts';

export function windowConnector(settings: Settings, config: Config, outputs: Outputs): Connector {
  const results = streamOutputs(outputs, 'metrics', config.late_pipeline);
  const windowing = windowingOf(config);
  const open = (partition: Partition, aggregation: NumberAggregation) =>
    new WindowPartition(partition, config, windowing, aggregation);
  return new StreamOperator(settings, config, results, new WindowStage(config, open));
}

/** The windows of one partition, and what they have to say. */
export class WindowPartition extends KeyedWindows<Numbers, Item> {
  readonly #partition: Partition;
  readonly #writer: ResultWriter;

  constructor(partition: Partition, config: Config, windowing: Windowing, aggregation: NumberAggregation) {
    const writer = new ResultWriter(config);
    super(partition, {
      windowing,
      aggregation,
      maxKeys: config.max_keys,
      fire: ({ label }, start, end, numbers, _late, incomplete) => writer.add(label, start, end, numbers, incomplete),
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
    const results = this.#writer.take(this.#partition.context);
    if (results !== undefined) this.#partition.emit(results);
  }
}

function windowingOf({ type, size, slide, gap, offset, allowed_lateness: lateness }: Config): Windowing {
  if (type === 'session') return { type, gap, lateness };
  return type === 'sliding' ? { type, size, slide, offset, lateness } : { type: 'tumbling', size, offset, lateness };
}
