import type { Clock, Timer } from '../clock.ts';
import type { ClientKeepalive } from './types.ts';

export interface Pinged {
  readonly callsInFlight: number;
  /** Whether anything arrived since the last time this was asked. */
  takeActive(): boolean;
  ping(): void;
  kill(reason: string): void;
}

/** How long a server may take to answer a ping, where it is not configured: as with gRPC's keepalive. */
const DEFAULT_TIMEOUT_MS = 20_000;

/**
 * A ping whenever nothing was received for the configured time.
 * Source: https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md
 */
export class ClientPinger {
  readonly #connection: Pinged;
  readonly #clock: Clock;
  readonly #options: ClientKeepalive | undefined;
  #next: Timer | undefined;
  #pong: Timer | undefined;

  constructor(connection: Pinged, clock: Clock, options: ClientKeepalive | undefined) {
    this.#connection = connection;
    this.#clock = clock;
    this.#options = options;
  }

  start(): void {
    const { timeMs = 0 } = this.#options ?? {};
    if (timeMs > 0) this.#next = this.#clock.after(timeMs, () => this.#check());
  }

  stop(): void {
    this.#next?.cancel();
    this.#pong?.cancel();
  }

  onPong(): void {
    this.#pong?.cancel();
    this.#pong = undefined;
  }

  /**
   * A call got no answer in time. Where nothing else arrived either, the way to the server may be cut, which TCP finds
   * out after a quarter of an hour only; so it is asked, keepalive or not.
   */
  onSilence(): void {
    if (!this.#connection.takeActive()) this.#ping();
  }

  #check(): void {
    this.start();
    if (this.#connection.takeActive()) return;
    if (this.#connection.callsInFlight > 0 || this.#options?.permitWithoutStream === true) this.#ping();
  }

  #ping(): void {
    if (this.#pong !== undefined) return;
    this.#connection.ping();
    this.#pong = this.#clock.after(this.#options?.timeoutMs || DEFAULT_TIMEOUT_MS, () => {
      this.#connection.kill('keepalive ping failed to receive ACK within timeout');
    });
  }
}
