import type { Settings } from '../component.ts';
import type { Counter } from '../meter.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { STRAYS } from './metrics.ts';
import { type Reason, Strays } from './strays.ts';

/** The items of the batch that is being processed: which of them count, and which do not and why. */
export class Items {
  /** The partition whose event time goes on with each item; undefined where the source gives marks. */
  source: string | undefined;
  readonly #settings: Settings;
  readonly #maxFuture: number;
  readonly #strays = new Strays();
  readonly #counters = new Map<Reason, Counter>();
  #latest = Number.POSITIVE_INFINITY;

  /** `maxFuture`: milliseconds, 0 for no limit. */
  constructor(settings: Settings, maxFuture: number) {
    this.#settings = settings;
    this.#maxFuture = maxFuture;
  }

  begin(source: string | undefined): void {
    this.source = source;
    this.#latest = this.#maxFuture === 0 ? Number.POSITIVE_INFINITY : this.#settings.clock.now() + this.#maxFuture;
    this.#strays.begin();
  }

  /** To be called for every item of the batch in order, with its time in milliseconds, 0 for none. False: skip it. */
  next(time: number): boolean {
    this.#strays.next();
    if (time > 0 && time <= this.#latest) return true;
    this.stray(time === 0 ? 'no time' : 'future');
    return false;
  }

  /** The item of the last call of `next` does not count. */
  stray(reason: Reason): void {
    this.#strays.mark();
    const known = this.#counters.get(reason);
    if (known !== undefined) {
      known.add(1);
      return;
    }
    const { meter, logger, name } = this.#settings;
    const counter = meter.counter(STRAYS, { connector: name, reason });
    this.#counters.set(reason, counter);
    counter.add(1);
    logger.warn('An item did not count; the next ones of its kind are counted in otelcol_stream_strays', { reason });
  }

  /** What did not count, as a batch; undefined where all did. The caller keeps its reference to `batch`. */
  strays(batch: Telemetry): Telemetry | undefined {
    return this.#strays.count === 0 ? undefined : this.#strays.take(batch.retain());
  }
}
