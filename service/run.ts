import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../core/clock.ts';
import type { BuildInfo } from '../core/component.ts';
import type { Logger } from '../core/logger.ts';
import type { ServiceConfig } from './config/types.ts';
import { Service } from './service.ts';
import type { MeterScope } from './telemetry/registry.ts';
import { type ProcessTelemetry, startTelemetry } from './telemetry/telemetry.ts';
import { FileWatch } from './watch.ts';

export interface RunOptions {
  readonly build: BuildInfo;
  /** Reads the configuration, again on each reload. Throws with what is wrong with it. */
  readonly load: () => Promise<ServiceConfig>;
  /** Milliseconds a shutdown may take before what is left is given up. */
  readonly drainTimeoutMs: number;
  /** Given where a changed file means a reload: the configuration files that were read so far, with their content. */
  readonly watch?: () => ReadonlyMap<string, string>;
}

/** Why the process is to end: a signal asked for it, or a component cannot go on. */
type Stop = 'asked' | { readonly fatal: Error };

/**
 * Runs until a signal or a fatal component ends it; resolves with the exit code. Rejects with one clear sentence when
 * it cannot start. Signals: SIGTERM and SIGINT drain and stop, a second one stops at once; SIGHUP reloads, and so does
 * a changed file where `watch` is given.
 */
export async function run(options: RunOptions): Promise<number> {
  const config = await options.load();
  const telemetry = await startTelemetry(config.telemetry, options.build, systemClock);
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);
  const running = new Running(options, telemetry, config);
  try {
    const cpus = availableParallelism();
    telemetry.logger.info(`Starting ${options.build.command}...`, { Version: options.build.version, NumCPU: cpus });
    for (const warning of config.warnings) telemetry.logger.warn(warning);
    await running.start();
    return await running.untilStopped();
  } finally {
    await telemetry.shutdown();
    clearInterval(alive);
  }
}

/**
 * The timers of components do not keep the process alive, and a pipeline may have no socket for a while, also while it
 * drains: without this timer node would end the process then. The period does not matter.
 */
const KEEP_ALIVE_MS = 60_000;

/** The components of one configuration, with the metrics that end with them. */
interface Generation {
  readonly config: ServiceConfig;
  readonly service: Service;
  readonly meter: MeterScope;
}

class Running {
  readonly #options: RunOptions;
  readonly #telemetry: ProcessTelemetry;
  readonly #logger: Logger;
  readonly #clock: Clock = systemClock;
  readonly #watch: FileWatch | undefined;
  #current: Generation;
  #reloading: Promise<void> = Promise.resolve();
  readonly #stopped = Promise.withResolvers<Stop>();
  readonly #giveUp = Promise.withResolvers<string>();
  #asked = false;

  constructor(options: RunOptions, telemetry: ProcessTelemetry, config: ServiceConfig) {
    this.#options = options;
    this.#telemetry = telemetry;
    this.#logger = telemetry.logger;
    this.#current = this.#create(config);
    this.#watch = options.watch && new FileWatch(this.#clock, options.watch, () => this.#reloadNext());
  }

  async start(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onStopSignal(signal));
    process.on('SIGHUP', () => this.#reloadNext());
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      // a defect in one place must not lose what the rest has accepted
      process.on(event, (error: unknown) => this.#logger.error('Unexpected error', { error }));
    }
    await this.#current.service.start();
    this.#watch?.start();
  }

  async untilStopped(): Promise<number> {
    const stop = await this.#stopped.promise;
    if (stop !== 'asked') this.#logger.error('A component failed for good', { error: stop.fatal });
    this.#logger.info('Starting shutdown...');
    this.#watch?.stop();
    await this.#reloading;
    const drained = await this.#drain(this.#current.service);
    this.#logger.info('Shutdown complete.');
    return stop === 'asked' && drained ? 0 : 1;
  }

  #create(config: ServiceConfig): Generation {
    const meter = this.#telemetry.meter.scope();
    try {
      const service = new Service(config, {
        logger: this.#logger,
        meter,
        clock: this.#clock,
        random: Math.random,
        build: this.#options.build,
        onFatal: (fatal) => this.#stopped.resolve({ fatal }),
      });
      return { config, service, meter };
    } catch (error) {
      meter.end();
      throw error;
    }
  }

  #onStopSignal(signal: string): void {
    this.#logger.info('Received signal from OS', { signal });
    if (this.#asked) this.#giveUp.resolve('was told to stop at once');
    this.#asked = true;
    this.#stopped.resolve('asked');
  }

  /** False when it was given up; what is still in the pipeline then is lost, and the log says where. */
  async #drain(service: Service): Promise<boolean> {
    const { drainTimeoutMs } = this.#options;
    const late = Promise.withResolvers<string>();
    const deadline = this.#clock.after(drainTimeoutMs, () => late.resolve(`took over ${drainTimeoutMs} ms`));
    const reason = await Promise.race([service.shutdown(), late.promise, this.#giveUp.promise]);
    deadline.cancel();
    if (reason === undefined) return true;
    this.#logger.error('Shutdown was cut short, data may be lost', { reason, component: service.stopping });
    return false;
  }

  #reloadNext(): void {
    this.#reloading = this.#reloading.then(() => this.#reload());
  }

  /** Takes over a new configuration; one that cannot be read or started leaves the old one running. */
  async #reload(): Promise<void> {
    if (this.#asked) return;
    const old = this.#current;
    let next: Generation;
    try {
      next = this.#create(await this.#options.load());
    } catch (error) {
      this.#logger.error('The new configuration is not valid, the old one keeps running', { error });
      return;
    }
    this.#logger.warn('Config updated, restart service');
    for (const warning of next.config.warnings) this.#logger.warn(warning);
    if (!isDeepStrictEqual(next.config.telemetry, old.config.telemetry)) {
      this.#logger.warn('Changes to service::telemetry take effect when the process is started again');
    }
    await this.#drain(old.service);
    try {
      await next.service.start();
      this.#current = next;
    } catch (error) {
      this.#logger.error('The new configuration cannot start, going back to the old one', { error });
      await this.#goBack(old.config);
      next.meter.end();
    }
    // only now, so that what both have goes on counting
    old.meter.end();
  }

  async #goBack(config: ServiceConfig): Promise<void> {
    this.#current = this.#create(config);
    try {
      await this.#current.service.start();
    } catch (error) {
      this.#stopped.resolve({ fatal: error instanceof Error ? error : new Error(String(error)) });
    }
  }
}
