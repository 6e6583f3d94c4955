import type { Clock, Timer } from '../clock.ts';

/** The defaults of gRPC servers. */
const DEFAULT_TIME_MS = 2 * 3_600_000;
const DEFAULT_TIMEOUT_MS = 20_000;
const DEFAULT_MIN_TIME_MS = 5 * 60_000;
/** Without calls in flight a ping is expected no more often than this, unless permitted. */
const MIN_TIME_WITHOUT_STREAM_MS = 2 * 3_600_000;
/** Pings too early that are forgiven between two answers of ours. */
const MAX_STRIKES = 2;

/** Durations in milliseconds. Source: https://pkg.go.dev/google.golang.org/grpc/keepalive#ServerParameters */
export interface ServerKeepalive {
  readonly maxConnectionIdleMs?: number | undefined;
  readonly maxConnectionAgeMs?: number | undefined;
  readonly maxConnectionAgeGraceMs?: number | undefined;
  /** A ping after so long without traffic; default 2 h. */
  readonly timeMs?: number | undefined;
  /** The connection is closed when a ping is not answered for so long; default 20 s. */
  readonly timeoutMs?: number | undefined;
}

/** What pings a client may send; a client that sends more gets GOAWAY `too_many_pings`. */
export interface KeepaliveEnforcement {
  /** Default 5 min. */
  readonly minTimeMs?: number | undefined;
  readonly permitWithoutStream?: boolean | undefined;
}

export interface KeptAlive {
  readonly callsInFlight: number;
  /** Whether anything arrived since the last time this was asked. */
  takeActive(): boolean;
  ping(): void;
  /** Closes after the calls in flight. */
  drain(): void;
  /** Closes at once. */
  kill(reason: string): void;
  /** GOAWAY ENHANCE_YOUR_CALM. */
  calmDown(message: string): void;
}

/**
 * Age, idleness and pings of one server connection.
 * Source: https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md and A9-server-side-conn-mgt.md
 */
export class ConnectionKeeper {
  readonly #connection: KeptAlive;
  readonly #clock: Clock;
  readonly #options: ServerKeepalive;
  readonly #enforcement: KeepaliveEnforcement;
  readonly #timers = new Map<string, Timer>();
  #lastPing = Number.NEGATIVE_INFINITY;
  #strikes = 0;

  constructor(
    connection: KeptAlive,
    clock: Clock,
    options: ServerKeepalive = {},
    enforcement: KeepaliveEnforcement = {},
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#options = options;
    this.#enforcement = enforcement;
  }

  start(): void {
    this.#watch();
    this.onIdle();
    const { maxConnectionAgeMs: age, maxConnectionAgeGraceMs: grace } = this.#options;
    if (!age) return;
    this.#arm('age', age, () => {
      this.#connection.drain();
      if (grace) this.#arm('grace', grace, () => this.#connection.kill('max_age'));
    });
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  /** There are no calls in flight. */
  onIdle(): void {
    const idle = this.#options.maxConnectionIdleMs;
    if (!idle) return;
    this.#arm('idle', idle, () => {
      if (this.#connection.callsInFlight === 0) this.#connection.drain();
    });
  }

  onAnswer(): void {
    this.#strikes = 0;
  }

  onPing(): void {
    const now = this.#clock.monotonic();
    const minTime =
      this.#connection.callsInFlight === 0 && this.#enforcement.permitWithoutStream !== true
        ? MIN_TIME_WITHOUT_STREAM_MS
        : (this.#enforcement.minTimeMs ?? DEFAULT_MIN_TIME_MS);
    if (now - this.#lastPing < minTime) this.#strikes++;
    this.#lastPing = now;
    if (this.#strikes > MAX_STRIKES) this.#connection.calmDown('too_many_pings');
  }

  onPong(): void {
    this.#timers.get('pong')?.cancel();
    this.#timers.delete('pong');
  }

  #watch(): void {
    this.#arm('time', this.#options.timeMs || DEFAULT_TIME_MS, () => {
      this.#watch();
      if (this.#connection.takeActive() || this.#timers.has('pong')) return;
      this.#connection.ping();
      this.#arm('pong', this.#options.timeoutMs || DEFAULT_TIMEOUT_MS, () => {
        this.#connection.kill('a keepalive ping was not answered');
      });
    });
  }

  #arm(name: string, ms: number, callback: () => void): void {
    this.#timers.get(name)?.cancel();
    this.#timers.set(name, this.#clock.after(ms, callback));
  }
}
