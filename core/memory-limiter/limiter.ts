import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { MemoryLimits } from './config.ts';
import type { Memory } from './memory.ts';

const MIB = 1024 * 1024;
/**
 * Forced collections rest so many times as long as the last one took, so they cost 5% of a CPU at most. A process full
 * of live data would else spend its time collecting, and never send what fills it.
 */
const REST_FACTOR = 19;
/** Where no limit for the spike is set: this share of the limit. */
const DEFAULT_SPIKE_SHARE = 0.2;

/**
 * Measures the memory every `check_interval` and says whether data is to be refused: from the soft limit on, once a
 * garbage collection did not bring the memory below it. One serves all pipelines that list the processor.
 */
export class Limiter {
  readonly #config: MemoryLimits;
  readonly #memory: Memory;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #hard: number;
  readonly #soft: number;
  #refusing = false;
  #users = 0;
  #timer: Timer | undefined;
  #lastCollection = 0;
  #lastDuration = 0;

  constructor(config: MemoryLimits, memory: Memory, clock: Clock, logger: Logger) {
    this.#config = config;
    this.#memory = memory;
    this.#clock = clock;
    this.#logger = logger;
    const fixed = config.limit_mib > 0;
    this.#hard = fixed ? config.limit_mib * MIB : (memory.total * config.limit_percentage) / 100;
    const spike = fixed ? config.spike_limit_mib * MIB : (memory.total * config.spike_limit_percentage) / 100;
    this.#soft = this.#hard - (spike === 0 ? this.#hard * DEFAULT_SPIKE_SHARE : spike);
  }

  get refusing(): boolean {
    return this.#refusing;
  }

  /** The first of all users starts the measuring; until the first measurement nothing is refused. */
  start(): void {
    this.#users++;
    if (this.#users > 1) return;
    this.#lastCollection = this.#clock.monotonic();
    this.#logger.info('Memory limiter configured', {
      limit_mib: Math.floor(this.#hard / MIB),
      spike_limit_mib: Math.floor((this.#hard - this.#soft) / MIB),
      check_interval: this.#config.check_interval / 1000,
    });
    this.#timer = this.#clock.every(this.#config.check_interval, () => this.#check());
  }

  /** The last user ends it. */
  stop(): void {
    this.#users--;
    if (this.#users === 0) this.#timer?.cancel();
  }

  #check(): void {
    let used = this.#memory.used();
    if (this.#logger.debugEnabled) this.#logger.debug('Currently used memory.', inMib(used));
    if (used >= this.#soft) used = this.#tryToFree(used);
    const refuse = used >= this.#soft;
    if (refuse && !this.#refusing) {
      this.#logger.warn('Memory usage is above soft limit. Refusing data.', inMib(used));
    }
    if (!refuse && this.#refusing) {
      this.#logger.info('Memory usage back within limits. Resuming normal operation.', inMib(used));
    }
    this.#refusing = refuse;
  }

  #tryToFree(used: number): number {
    const hard = used >= this.#hard;
    const logger = this.#logger;
    if (this.#clock.monotonic() - this.#lastCollection <= this.#interval(hard)) return used;
    if (hard) logger.warn('Memory usage is above hard limit. Forcing a GC.', inMib(used));
    else logger.info('Memory usage is above soft limit. Forcing a GC.', inMib(used));
    const begin = this.#clock.monotonic();
    this.#memory.collect();
    this.#lastCollection = this.#clock.monotonic();
    this.#lastDuration = this.#lastCollection - begin;
    const left = this.#memory.used();
    logger.info('Memory usage after GC.', inMib(left));
    return left;
  }

  /**
   * Go goes on collecting while data is refused, V8 only when something is allocated, and then nothing is. So what was
   * sent meanwhile would count as used for all of `min_gc_interval_when_soft_limited`, which is left out here.
   */
  #interval(hard: boolean): number {
    const c = this.#config;
    const min = hard ? c.min_gc_interval_when_hard_limited : this.#refusing ? 0 : c.min_gc_interval_when_soft_limited;
    const max = hard ? c.max_gc_interval_when_hard_limited : c.max_gc_interval_when_soft_limited;
    return Math.max(min, Math.min(this.#lastDuration * REST_FACTOR, max));
  }
}

function inMib(bytes: number): { readonly cur_mem_mib: number } {
  return { cur_mem_mib: Math.floor(bytes / MIB) };
}
