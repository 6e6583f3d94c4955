import { type Checkpointed, type Checkpoints, checkpoints } from '../../core/checkpoint.ts';
import type { Timer } from '../../core/clock.ts';
import type { Consumer, Host, Processor, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { openStorage } from '../../core/storage.ts';
import { NO_PARTITION, type RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { ZPageProvider, ZPageSection } from '../../core/zpages.ts';
import { Audit } from './audit.ts';
import type { Config } from './config.ts';
import { losses, OneAttempt, UntilAccepted } from './delivery.ts';
import { TailSamplingMetrics } from './metrics.ts';
import { type CompiledPolicies, compilePolicies } from './policies/compile.ts';
import { Runner, type Shared } from './runner.ts';
import { TailSampler } from './sampler.ts';
import { SNAPSHOT_VERSION, Snapshots } from './snapshots.ts';
import { Journal } from './store/journal.ts';
import { Turns } from './turns.ts';

const TICK = 1000;

const TAIL_STORAGE_GATE = 'processor.tailsamplingprocessor.tailstorageextension';

/**
 * Collects spans and sends on, each second, those of the traces whose time has come and that policies keep. Where there
 * are checkpoints it does so for each partition of the source apart.
 */
export class TailSamplingProcessor implements Processor, Checkpointed, ZPageProvider {
  readonly version = SNAPSHOT_VERSION;
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  readonly #policies: CompiledPolicies;
  readonly #names: readonly string[];
  readonly #audit: Audit;
  readonly #metrics: TailSamplingMetrics;
  readonly #shared: Shared;
  readonly #turns: Turns;
  readonly #runners = new Map<string, Runner>();
  /** The runner of everything, where there are no checkpoints. */
  #only: Runner | undefined;
  #keeper: Checkpoints | undefined;
  #timer: Timer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: Config, next: Consumer) {
    if (config.tail_storage !== undefined && !settings.featureGate(TAIL_STORAGE_GATE)) {
      throw new Error(
        `'tail_storage' requires the "${TAIL_STORAGE_GATE}" feature gate to be enabled, ` +
          `use --feature-gates=+${TAIL_STORAGE_GATE}`,
      );
    }
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    // the collector does so when it starts; here a new configuration is known to be good before the old one ends
    this.#policies = compilePolicies(config, settings.clock);
    this.#names = this.#policies.policies.map(({ name }) => name);
    this.#audit = new Audit(settings.clock, this.#names);
    this.#metrics = new TailSamplingMetrics(settings, this.#names);
    this.#turns = new Turns(settings.clock);
    const traces = () => [...this.#runners.values()].reduce((sum, { sampler }) => sum + sampler.ledger.size, 0);
    this.#shared = { settings, config, groups: new Groups(), turns: this.#turns, traces };
  }

  get zpages(): readonly ZPageSection[] {
    return [this.#audit];
  }

  async start(host: Host): Promise<void> {
    const { storage, tail_storage: tailStorage } = this.#config;
    const { clock, kind, logger, name, pipeline = '' } = this.#settings;
    refuseTailStorage(host, tailStorage);
    const { unavailable } = this.#policies;
    if (unavailable !== undefined) throw new Error(unavailable);
    const keeper = checkpoints(host);
    if (keeper !== undefined && storage === undefined) {
      this.#keeper = keeper;
      await keeper.register({ kind, id: name, name: pipeline }, this);
    } else {
      this.#only = this.#runner(NO_PARTITION);
      if (storage !== undefined) await this.#restoreJournal(host, storage, this.#only);
      if (keeper !== undefined)
        logger.info('Traces are kept by the storage and take no part in checkpoints', { storage });
    }
    this.#timer = clock.every(TICK, () => this.#tick());
  }

  consume(batch: Telemetry): void | Promise<void> {
    if (this.#timer === undefined || this.#stopping !== undefined) {
      batch.release();
      throw new PipelineError('tail_sampling is not running');
    }
    if (this.#only !== undefined) return this.#only.consume(batch);
    const { stream } = batch.context;
    const runner = this.#runner(stream?.partition ?? NO_PARTITION);
    if (stream?.delivery === undefined) return runner.consume(batch);
    if (!runner.taken.has(stream.delivery)) return runner.consume(batch, () => runner.taken.add());
    batch.release();
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  partitions(): readonly string[] {
    return [...this.#runners].filter(([, runner]) => runner.isKept).map(([partition]) => partition);
  }

  snapshot(partition: string, which: 'all' | 'changed'): ReadonlyMap<string, Buffer | undefined> {
    return this.#runners.get(partition)?.snapshot(which) ?? new Map();
  }

  restore(partition: string, entries: ReadonlyMap<string, Buffer>, version: number): void {
    try {
      this.#runner(partition).restore(entries, version);
    } catch (error) {
      this.forget(partition);
      throw error;
    }
  }

  forget(partition: string): void {
    this.#runners.get(partition)?.abandon();
    this.#runners.delete(partition);
  }

  settled(partition: string): Promise<void> | undefined {
    return this.#runners.get(partition)?.delivery.settled;
  }

  #runner(partition: string): Runner {
    const known = this.#runners.get(partition);
    if (known !== undefined) return known;
    const { clock } = this.#settings;
    // rates are limited for each partition, so that decisions do not depend on who has which
    const { policies } = compilePolicies(this.#config, clock);
    // in Kafka a process has no place of its own: what is of no partition could not be found again
    const isKept = this.#keeper !== undefined && !(this.#keeper.exactlyOnce && partition === NO_PARTITION);
    const context = isKept ? contextOf(partition) : undefined;
    const reports = { audit: this.#audit, metrics: this.#metrics };
    const sampler = new TailSampler(this.#settings, this.#config, policies, reports, context);
    const lost = losses(this.#settings, this.#metrics);
    const runner = new Runner(this.#shared, {
      sampler,
      context,
      snapshots: isKept ? new Snapshots(sampler.ledger, clock, this.#names) : undefined,
      delivery: isKept
        ? new UntilAccepted(this.#next, lost, this.#settings, partition)
        : new OneAttempt(this.#next, lost),
    });
    this.#runners.set(partition, runner);
    return runner;
  }

  async #restoreJournal(host: Host, extension: string, { sampler }: Runner): Promise<void> {
    const { kind, name, pipeline } = this.#settings;
    // a processor runs once per pipeline
    const client = await openStorage(host, extension, { kind, id: name, name: pipeline ?? '' });
    const { num_traces: traces, decision_cache: cache } = this.#config;
    await sampler.ledger.restore(
      new Journal(client, Math.max(traces, cache.sampled_cache_size, cache.non_sampled_cache_size)),
    );
  }

  #tick(): void {
    this.#turns.begin();
    for (const runner of this.#runners.values()) runner.tick();
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
  }
}

/** Of what is sent on, so that it is stored with the checkpoint in which the trace is gone. */
function contextOf(partition: string): RequestContext {
  const stream = Object.freeze({ partition, watermarked: false });
  return Object.freeze({ transport: 'stream', metadata: new Map(), stream });
}

function refuseTailStorage(host: Host, id: string | undefined): void {
  if (id === undefined) return;
  const found = host.extension(id) !== undefined;
  throw new Error(found ? `non-tail-storage extension '${id}' found` : `tail storage extension '${id}' not found`);
}
