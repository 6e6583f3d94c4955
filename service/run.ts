import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../core/clock.ts';
import type { BuildInfo } from '../core/component.ts';
import type { Logger } from '../core/logger.ts';
import type { ServiceConfig } from './config/types.ts';
import { Service } from './service.ts';
import { type ProcessTelemetry, startTelemetry } from './telemetry/telemetry.ts';

export interface RunOptions {
  readonly build: BuildInfo;
  /** Reads the configuration, again on each reload. Throws with what is wrong with it. */
  readonly load: () => Promise<ServiceConfig>;
  /** Milliseconds a shutdown may take before what is left is given up. */
  readonly drainTimeoutMs: number;
}

/** Why the process is to end: a signal asked for it, or a component cannot go on. */
type Stop = 'asked' | { readonly fatal: Error };

/**
 * Runs until a signal or a fatal component ends it; resolves with the exit code. Rejects with one clear sentence when
 * it cannot start. Signals: SIGTERM and SIGINT drain and stop, a second one stops at once; SIGHUP reloads.
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

class Running {
  readonly #options: RunOptions;
  readonly #telemetry: ProcessTelemetry;
  readonly #logger: Logger;
  readonly #clock: Clock = systemClock;
  #config: ServiceConfig;
  #service: Service;
  #reloading: Promise<void> = Promise.resolve();
  readonly #stopped = Promise.withResolvers<Stop>();
  readonly #giveUp = Promise.withResolvers<string>();
  #asked = false;

  constructor(options: RunOptions, telemetry: ProcessTelemetry, config: ServiceConfig) {
    this.#options = options;
    this.#telemetry = telemetry;
    this.#logger = telemetry.logger;
    this.#config = config;
    this.#service = this.#create(config);
  }

  async start(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onStopSignal(signal));
    process.on('SIGHUP', () => {
      this.#reloading = this.#reloading.then(() => this.#reload());
    });
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      // a defect in one place must not lose what the rest has accepted
      process.on(event, (error: unknown) => this.#logger.error('Unexpected error', { error }));
    }
    await this.#service.start();
  }

  async untilStopped(): Promise<number> {
    const stop = await this.#stopped.promise;
    if (stop !== 'asked') this.#logger.error('A component failed for good', { error: stop.fatal });
    this.#logger.info('Starting shutdown...');
    await this.#reloading;
    const drained = await this.#drain(this.#service);
    this.#logger.info('Shutdown complete.');
    return stop === 'asked' && drained ? 0 : 1;
  }

  #create(config: ServiceConfig): Service {
    return new Service(config, {
      logger: this.#logger,
      meter: this.#telemetry.meter,
      clock: this.#clock,
      random: Math.random,
      build: this.#options.build,
      onFatal: (fatal) => this.#stopped.resolve({ fatal }),
    });
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
    const deadline = this.#clock.after(drainTimeoutMs, () => this.#giveUp.resolve(`took over ${drainTimeoutMs} ms`));
    const reason = await Promise.race([service.shutdown(), this.#giveUp.promise]);
    deadline.cancel();
    if (reason === undefined) return true;
    this.#logger.error('Shutdown was cut short, data may be lost', { reason, component: service.stopping });
    return false;
  }

  /** Takes over a new configuration; one that cannot be read or started leaves the old one running. */
  async #reload(): Promise<void> {
    let config: ServiceConfig;
    let next: Service;
    try {
      config = await this.#options.load();
      next = this.#create(config);
    } catch (error) {
      this.#logger.error('The new configuration is not valid, the old one keeps running', { error });
      return;
    }
    this.#logger.warn('Config updated, restart service');
    for (const warning of config.warnings) this.#logger.warn(warning);
    if (!isDeepStrictEqual(config.telemetry, this.#config.telemetry)) {
      this.#logger.warn('Changes to service::telemetry take effect when the process is started again');
    }
    await this.#drain(this.#service);
    try {
      await next.start();
      this.#service = next;
      this.#config = config;
    } catch (error) {
      this.#logger.error('The new configuration cannot start, going back to the old one', { error });
      await this.#goBack();
    }
  }

  async #goBack(): Promise<void> {
    this.#service = this.#create(this.#config);
    try {
      await this.#service.start();
    } catch (error) {
      this.#stopped.resolve({ fatal: error instanceof Error ? error : new Error(String(error)) });
    }
  }
}
