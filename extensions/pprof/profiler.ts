import { Session } from 'node:inspector/promises';
import type { Clock } from '../../core/clock.ts';
import { encodeCpu, encodeHeap } from './profile-format.ts';

/** A CPU profile that is being taken. V8 samples the thread that starts it. */
export class CpuProfile {
  readonly #session: Session;
  readonly #intervalMicros: number;
  readonly #started: bigint;

  private constructor(session: Session, started: bigint, intervalMicros: number) {
    this.#session = session;
    this.#intervalMicros = intervalMicros;
    this.#started = started;
  }

  static async start(clock: Clock, intervalMicros: number): Promise<CpuProfile> {
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: intervalMicros });
    await session.post('Profiler.start');
    return new CpuProfile(session, clock.nowNanos(), intervalMicros);
  }

  /** Ends it; the profile as a pprof file. */
  async stop(): Promise<Buffer> {
    try {
      const { profile } = await this.#session.post('Profiler.stop');
      return encodeCpu(profile, this.#intervalMicros, this.#started);
    } finally {
      this.#session.disconnect();
    }
  }
}

/** One allocation in so many bytes is noted, as in Go: hardly any cost, and large consumers show. */
const HEAP_INTERVAL_BYTES = 512 * 1024;

/** Notes which code allocated what is on the JavaScript heap, from the moment it is made. */
export class HeapSampling {
  readonly #session = new Session();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('HeapProfiler.enable');
    await this.#session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_INTERVAL_BYTES });
  }

  /** What is in use now, as a pprof file. */
  async profile(): Promise<Buffer> {
    const { profile } = await this.#session.post('HeapProfiler.getSamplingProfile');
    return encodeHeap(profile, HEAP_INTERVAL_BYTES, this.#clock.nowNanos());
  }

  stop(): void {
    this.#session.disconnect();
  }
}
