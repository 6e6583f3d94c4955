import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { BatchMetrics } from './metrics.ts';
import { Shard } from './shard.ts';

/**
 * Acknowledges at once and sends later, in larger batches; one open batch per combination of the metadata keys, of
 * which there are at most `metadata_cardinality_limit`.
 */
export class BatchProcessor implements Processor {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  readonly #metrics: BatchMetrics;
  readonly #keys: readonly string[];
  readonly #shards = new Map<string, Shard>();
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#metrics = new BatchMetrics(settings);
    this.#keys = config.metadata_keys.map((key) => key.toLowerCase()).sort();
  }

  start(): void {
    if (this.#keys.length === 0) this.#add('', EMPTY_CONTEXT);
  }

  consume(batch: Telemetry): void | Promise<void> {
    const shard = this.#stopping === undefined ? this.#shardFor(batch.context) : 'the batch processor has stopped';
    if (typeof shard !== 'string') return shard.consume(batch);
    batch.release();
    throw new PipelineError(shard, { permanent: this.#stopping === undefined });
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#shards.values()].map((shard) => shard.close()));
    this.#metrics.combinations(-this.#shards.size);
    this.#shards.clear();
  }

  /** Where a request belongs, or why it is refused. */
  #shardFor(context: RequestContext): Shard | string {
    const key =
      this.#keys.length === 0 ? '' : JSON.stringify(this.#keys.map((name) => context.metadata.get(name) ?? null));
    const known = this.#shards.get(key);
    if (known !== undefined) return known;
    const limit = this.#config.metadata_cardinality_limit;
    if (limit > 0 && this.#shards.size >= limit) return 'too many batcher metadata-value combinations';
    return this.#add(key, this.#contextOf(context));
  }

  #add(key: string, context: RequestContext): Shard {
    const shard = new Shard(this.#settings, this.#config, this.#next, this.#metrics, context);
    this.#shards.set(key, shard);
    this.#metrics.combinations(1);
    return shard;
  }

  /** A batch carries only the metadata that all its requests have in common. */
  #contextOf(context: RequestContext): RequestContext {
    const metadata = new Map<string, readonly string[]>();
    for (const key of this.#keys) {
      const values = context.metadata.get(key);
      if (values !== undefined) metadata.set(key, values);
    }
    return Object.freeze({ ...EMPTY_CONTEXT, metadata });
  }
}
