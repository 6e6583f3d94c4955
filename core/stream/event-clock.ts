import type { Clock } from '../clock.ts';

/** One partition of the source, as the clock knows it. Times in milliseconds. */
interface Source {
  /** Its own mark. */
  watermark: number;
  /** By the monotonic clock: when it was last heard of. */
  heard: number;
}

export interface EventClockOptions {
  /** How far an event may lie behind the newest one and still be in time. */
  readonly outOfOrderness: number;
  /** A source that is silent for so long holds nobody back, and goes on at the speed of `clock`; 0: never. */
  readonly idleTimeout: number;
  readonly clock: Clock;
}

/**
 * How far event time has come: no event at or before `watermark` is expected any more, what comes all the same is late.
 * With several sources it is the least of them. Like Flink's generator with bounded out-of-orderness, but after every
 * event: newest time - out-of-orderness - 1.
 */
export class EventClock {
  /** Milliseconds since the Unix epoch; -Infinity before the first event, Infinity at the end of the input. */
  watermark = Number.NEGATIVE_INFINITY;
  readonly #options: EventClockOptions;
  readonly #sources = new Map<string, Source>();

  constructor(options: EventClockOptions) {
    this.#options = options;
  }

  /** An event has come; judge it before this call. True where the watermark moved. */
  observe(source: string, time: number): boolean {
    return this.advance(source, time - this.#options.outOfOrderness - 1);
  }

  /** The source says itself how far it is. True where the watermark moved. */
  advance(source: string, watermark: number): boolean {
    const known = this.#sources.get(source);
    const heard = this.#options.idleTimeout > 0 ? this.#options.clock.monotonic() : 0;
    if (known === undefined) this.#sources.set(source, { watermark, heard });
    else {
      known.heard = heard;
      if (watermark <= known.watermark) return false;
      known.watermark = watermark;
    }
    return this.#update(this.#sources.size === 1 ? watermark : this.#least());
  }

  /** To be called now and then where there is an idle timeout. True where the watermark moved. */
  tick(): boolean {
    const { idleTimeout, clock } = this.#options;
    if (idleTimeout === 0 || this.#sources.size === 0) return false;
    const now = clock.monotonic();
    for (const source of this.#sources.values()) {
      const idle = now - source.heard - idleTimeout;
      if (idle <= 0 || !Number.isFinite(source.watermark)) continue;
      source.watermark += Math.floor(idle);
      source.heard = now - idleTimeout;
    }
    return this.#update(this.#least());
  }

  /** The sources and how far each has come. */
  *entries(): Iterable<readonly [source: string, watermark: number]> {
    for (const [name, { watermark }] of this.#sources) yield [name, watermark];
  }

  #update(watermark: number): boolean {
    if (watermark <= this.watermark) return false;
    this.watermark = watermark;
    return true;
  }

  /** Of those that are not idle; of all where all are. */
  #least(): number {
    const { idleTimeout, clock } = this.#options;
    const since = idleTimeout > 0 ? clock.monotonic() - idleTimeout : Number.NEGATIVE_INFINITY;
    let awake = Number.POSITIVE_INFINITY;
    let all = Number.POSITIVE_INFINITY;
    for (const { watermark, heard } of this.#sources.values()) {
      if (watermark < all) all = watermark;
      if (heard > since && watermark < awake) awake = watermark;
    }
    return awake === Number.POSITIVE_INFINITY ? all : awake;
  }
}
