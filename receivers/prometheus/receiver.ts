import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Outputs, Receiver, Settings } from '../../core/component.ts';
import type { ScrapeConfig } from '../../core/prometheus/scrape/config.ts';
import { loadScrapeConfigs } from '../../core/prometheus/scrape/config-files.ts';
import { FailureLog } from '../../core/prometheus/scrape/failure-log.ts';
import { type Job, jobOf } from '../../core/prometheus/scrape/job.ts';
import { JobRunner, type JobSettings } from '../../core/prometheus/scrape/manager.ts';
import { EMPTY_CONTEXT } from '../../core/telemetry/context.ts';
import type { Config } from './config.ts';
import { TargetAllocator } from './target-allocator.ts';

/** The scope has the collector's name, so its version is that of the collector whose output this is. */
const SCOPE_VERSION = '0.155.0';
const SCOPE_INFO_GATE = 'receiver.prometheusreceiver.IgnoreScopeInfoMetric';
const START_TIME_GATE = 'receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion';

/** Scrapes what its configuration and a target allocator say. */
export class PrometheusReceiver implements Receiver {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #jobSettings: JobSettings;
  readonly #runners = new Map<string, { readonly runner: JobRunner; readonly text: string }>();
  readonly #failureLogs = new Map<string, FailureLog>();
  readonly #allocator: TargetAllocator | undefined;
  #allocated: readonly string[] = [];
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: Config, outputs: Outputs) {
    const next = outputs.for('metrics');
    if (next === undefined) throw new Error('no pipeline takes metrics');
    this.#settings = settings;
    this.#config = config;
    const { clock, logger, random, build } = settings;
    const userAgent = `${build.command}/${build.version}`;
    this.#jobSettings = {
      clock,
      logger,
      random,
      userAgent,
      next,
      context: { ...EMPTY_CONTEXT, transport: 'http' },
      version: SCOPE_VERSION,
      trimSuffixes: config.trim_metric_suffixes,
      initialOffset: config.initial_scrape_offset,
      offset: hostOffset(JSON.stringify(config.config.global.external_labels)),
      ignoresScopeInfo: settings.featureGate(SCOPE_INFO_GATE),
      startTimestamps: settings.featureGate(START_TIME_GATE),
      seed: Math.floor(random() * 0x1_0000_0000),
    };
    const { global } = config.config;
    const onJobs = (jobs: readonly ScrapeConfig[]) => void this.#allocate(jobs);
    this.#allocator =
      config.target_allocator &&
      new TargetAllocator(config.target_allocator, { clock, logger, userAgent, global, onJobs });
    this.#warnOfRenames();
  }

  start(): void {
    const { global, scrape_configs: configs, scrape_config_files: files } = this.#config.config;
    const loaded = loadScrapeConfigs(files, global, new Set(configs.map(({ job_name: name }) => name)));
    const [fault] = loaded.faults;
    if (fault !== undefined) throw new Error(`failed to get scrape configs: ${fault}`);
    for (const config of [...configs, ...loaded.configs]) this.#run(config);
    this.#allocator?.start();
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#allocator?.stop();
    const final = this.#config.scrape_on_shutdown;
    await Promise.all([...this.#runners.values()].map(({ runner }) => runner.stop(final)));
    for (const log of this.#failureLogs.values()) log.close();
  }

  #run(config: ScrapeConfig): void {
    const job = jobOf(config, this.#config.config.global);
    const runner = new JobRunner(job, this.#jobSettings, this.#failureLog(job));
    this.#runners.set(job.job, { runner, text: configText(config) });
    runner.start();
  }

  /** Jobs that are as before go on; jobs of the configuration stay. */
  async #allocate(configs: readonly ScrapeConfig[]): Promise<void> {
    const wanted = new Map(configs.map((config) => [config.job_name, config]));
    for (const name of this.#allocated) {
      const running = this.#runners.get(name);
      const config = wanted.get(name);
      if (running === undefined || (config !== undefined && running.text === configText(config))) continue;
      this.#runners.delete(name);
      await running.runner.stop(false);
    }
    if (this.#stopping !== undefined) return;
    const own = [...this.#runners.keys()].filter((name) => !this.#allocated.includes(name));
    this.#allocated = [...wanted.keys()].filter((name) => !own.includes(name));
    for (const [name, config] of wanted) if (!this.#runners.has(name)) this.#run(config);
  }

  #failureLog({ failureLog: path }: Job): FailureLog | undefined {
    if (path === '') return undefined;
    let log = this.#failureLogs.get(path);
    if (log === undefined) {
      log = new FailureLog(path, this.#settings.clock);
      this.#failureLogs.set(path, log);
    }
    return log;
  }

  #warnOfRenames(): void {
    for (const { job_name: job, metric_relabel_configs: rules } of this.#config.config.scrape_configs) {
      for (const rule of rules) {
        if (rule.target_label !== '__name__') continue;
        this.#settings.logger.warn(
          'metric renaming using metric_relabel_configs will result in unknown-typed metrics ' +
            'without a unit or description',
          { job },
        );
      }
    }
  }
}

/** Where this machine's scrapes lie, in [0, 1): others scrape the same targets at other times. */
function hostOffset(externalLabels: string): number {
  return createHash('sha1').update(hostname()).update(externalLabels).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** The same for the same configuration. */
const configText = (config: ScrapeConfig): string =>
  JSON.stringify(config, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
