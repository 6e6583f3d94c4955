import { type Checkpointed, checkpoints } from '../checkpoint.ts';
import type { Timer } from '../clock.ts';
import type { Connector, Host, Settings } from '../component.ts';
import { PipelineError } from '../error.ts';
import { NO_PARTITION, type StreamOrigin } from '../telemetry/context.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { ZPageSection } from '../zpages.ts';
import type { StreamConfig } from './config.ts';
import { Items } from './items.ts';
import { observeState } from './metrics.ts';
import type { StreamOutputs } from './outputs.ts';
import { type Partition, PartitionRunner, type PartitionState } from './partition-runner.ts';

/** Idle partitions are looked for so often. */
const TICK_MS = 1_000;

/** What a connector does with its items; the operator around it keeps order, event time, results and snapshots. */
export interface Stage<S extends PartitionState> {
  /** Of the entries of its snapshots. */
  readonly version: number;
  /** The state of a partition that is new here. */
  open(partition: Partition): S;
  /** Adds the items of a batch to the state; what comes of it is emitted through the partition. */
  process(batch: Telemetry, state: S, items: Items): void;
}

/** A connector that works in event time. */
export class StreamOperator<S extends PartitionState> implements Connector, Checkpointed {
  readonly #settings: Settings;
  readonly #config: StreamConfig;
  readonly #outputs: StreamOutputs;
  readonly #stage: Stage<S>;
  readonly #items: Items;
  readonly #runners = new Map<string, PartitionRunner<S>>();
  #timer: Timer | undefined;
  #removeMetrics: (() => void) | undefined;
  /** Whether somebody keeps the state of a partition when the process ends. */
  #keeps: (partition: string) => boolean = () => false;
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: StreamConfig, outputs: StreamOutputs, stage: Stage<S>) {
    this.#settings = settings;
    this.#config = config;
    this.#outputs = outputs;
    this.#stage = stage;
    this.#items = new Items(settings, config.max_future);
  }

  async start(host: Host): Promise<void> {
    const { clock, meter, name, kind } = this.#settings;
    const now = () => clock.now();
    this.#removeMetrics = observeState(meter, name, now, () => this.#runners.values());
    if (this.#config.idle_timeout > 0) this.#timer = clock.every(TICK_MS, () => this.#tick());
    const keeper = checkpoints(host);
    if (keeper === undefined) return;
    if (this.#config.state === 'shared') {
      this.#settings.logger.warn('State that is shared by partitions is not part of checkpoints');
      return;
    }
    // in Kafka a process has no place of its own: what is of no partition could not be found again
    this.#keeps = (partition) => !keeper.exactlyOnce || partition !== NO_PARTITION;
    await keeper.register({ kind, id: name, name: '' }, this);
  }

  consume(batch: Telemetry): void | Promise<void> {
    let taken = false;
    const { stream } = batch.context;
    const take = (): void => {
      taken = true;
      this.#process(batch, runner, stream);
      if (stream?.delivery !== undefined) runner.taken.add();
    };
    const refuse = (error: unknown): never => {
      if (!taken) batch.release();
      throw error;
    };
    if (this.#stopping !== undefined) {
      return refuse(new PipelineError(`the ${this.#settings.name} connector has stopped`));
    }
    const runner = this.#runner(stream?.partition ?? NO_PARTITION);
    if (stream?.delivery !== undefined && this.#config.state !== 'shared' && runner.taken.has(stream.delivery)) {
      batch.release();
      return;
    }
    try {
      return runner.run(take)?.catch(refuse);
    } catch (error) {
      return refuse(error);
    }
  }

  watermark(partition: string, time: number): void | Promise<void> {
    if (this.#stopping !== undefined) return;
    const runner = this.#runner(partition);
    return runner.run(() => {
      if (runner.clock.advance(partition, time)) runner.state.advance(runner.clock.watermark);
    });
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A row for each partition. */
  get zpages(): readonly ZPageSection[] {
    const { clock } = this.#settings;
    return [
      {
        page: 'streamz',
        title: 'Partitions',
        columns: ['partition', 'keys', 'open', 'event time', 'behind (s)', 'results'],
        rows: () => [...this.#runners.values()].map((runner) => rowOf(runner, clock.now())),
      },
    ];
  }

  /** The states of all partitions. */
  *states(): IterableIterator<S> {
    for (const { state } of this.#runners.values()) yield state;
  }

  get version(): number {
    return this.#stage.version;
  }

  partitions(): readonly string[] {
    return [...this.#runners.keys()];
  }

  snapshot(partition: string, which: 'all' | 'changed'): ReadonlyMap<string, Buffer | undefined> {
    return this.#runners.get(partition)?.snapshot(which, this.#outputs.pipelines) ?? new Map();
  }

  restore(partition: string, entries: ReadonlyMap<string, Buffer>, version: number): void {
    this.#runner(partition).restore(entries, version, this.#outputs.pipelines);
  }

  forget(partition: string): void {
    this.#runners.get(partition)?.abandon();
    this.#runners.delete(partition);
  }

  settled(partition: string): Promise<void> | undefined {
    return this.#runners.get(partition)?.settled;
  }

  #runner(partition: string): PartitionRunner<S> {
    const name = this.#config.state === 'shared' ? NO_PARTITION : partition;
    const known = this.#runners.get(name);
    if (known !== undefined) return known;
    const { clock, logger } = this.#settings;
    const { out_of_orderness: outOfOrderness, idle_timeout: idleTimeout } = this.#config;
    const options = { eventTime: { outOfOrderness, idleTimeout, clock }, clock, logger, next: this.#outputs.results };
    const runner = new PartitionRunner(name, options, (partition) => this.#stage.open(partition));
    this.#runners.set(name, runner);
    return runner;
  }

  #process(batch: Telemetry, runner: PartitionRunner<S>, stream: StreamOrigin | undefined): void {
    const items = this.#items;
    items.begin(stream?.watermarked === true ? undefined : (stream?.partition ?? NO_PARTITION));
    try {
      this.#stage.process(batch, runner.state, items);
      const { late } = this.#outputs;
      const strays = late === undefined ? undefined : items.strays(batch);
      if (late !== undefined && strays !== undefined) runner.emitTo(late, strays);
    } finally {
      batch.release();
    }
  }

  #tick(): void {
    for (const runner of this.#runners.values()) {
      if (!runner.isSettled || !runner.clock.tick()) continue;
      void runner.run(() => runner.state.advance(runner.clock.watermark));
    }
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    for (const runner of this.#runners.values()) {
      const kept = this.#keeps(runner.name);
      if (!kept) runner.state.finish();
      await runner.close(kept);
    }
    this.#removeMetrics?.();
  }
}

function rowOf({ name, state, clock: { watermark }, isSettled }: PartitionRunner<PartitionState>, now: number) {
  const known = Number.isFinite(watermark);
  const at = known ? new Date(watermark).toISOString() : watermark > 0 ? 'ended' : 'not begun';
  const behind = known ? ((now - watermark) / 1000).toFixed(1) : '';
  return [name === NO_PARTITION ? '(none)' : name, state.keys, state.open, at, behind, isSettled ? '' : 'wait'];
}
