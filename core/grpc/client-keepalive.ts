import type { Clock, Timer } from '../clock.ts';
import type { ClientKeepalive } from './types.ts';

export interface Pinged {
  readonly callsInFlight: number;
  /** Whether anything arrived since the last time this was asked. */
  takeActive(): boolean;
  ping(): void;
  kill(reason: string): void;
}

/**
 * A ping whenever nothing was received for the configured time.
 * Source: https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md
 */
export class ClientPinger {
  readonly #connection: Pinged;
  readonly #clock: Clock;
  readonly #options: ClientKeepalive;
  #next: Timer | undefined;
  #pong: Timer | undefined;

  constructor(connection: Pinged, clock: Clock, options: ClientKeepalive) {
    this.#connection = connection;
    this.#clock = clock;
    this.#options = options;
  }

  start(): void {
    if (this.#options.timeMs > 0) this.#next = this.#clock.after(this.#options.timeMs, () => this.#check());
  }

  stop(): void {
    this.#next?.cancel();
    this.#pong?.cancel();
  }

  onPong(): void {
    this.#pong?.cancel();
    this.#pong = undefined;
  }

  #check(): void {
    this.start();
    if (this.#connection.takeActive() || this.#pong !== undefined) return;
    if (this.#connection.callsInFlight === 0 && !this.#options.permitWithoutStream) return;
    this.#connection.ping();
    this.#pong = this.#clock.after(this.#options.timeoutMs, () => {
      this.#connection.kill('keepalive ping failed to receive ACK within timeout');
    });
  }
}
