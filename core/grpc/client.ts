import type { ConnectionOptions } from 'node:tls';
import type { Timer } from '../clock.ts';
import { dialReason } from '../net/dial-error.ts';
import { StatusCode } from '../status-code.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { Call } from './client-call.ts';
import { ClientConnection, type ConnectionUser } from './client-connection.ts';
import { ClientSettings } from './client-settings.ts';
import { GrpcError } from './grpc-error.ts';
import type { GrpcClientOptions, UnaryOptions, UnaryResponse } from './types.ts';

/**
 * The wait before another connection is tried. First, factor and jitter are those of gRPC; the longest wait is shorter
 * (there 120 s), so that data flows soon after a long outage.
 * Source: https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md
 */
const BACKOFF = { firstMs: 1000, factor: 1.6, jitter: 0.2, maxMs: 20_000 } as const;
/** A call that no server acted on is sent again, but not for ever to one that refuses each time. */
const MAX_TRANSPARENT_RETRIES = 5;

/** A gRPC client for unary calls to one endpoint, connected on demand and again after a loss. */
export class GrpcClient implements ConnectionUser {
  readonly #settings: ClientSettings;
  /** Takes new calls, or is being set up. */
  #current: ClientConnection | undefined;
  /** Answer the calls they have. */
  readonly #draining = new Set<ClientConnection>();
  readonly #calls = new Set<Call>();
  #waiting: Call[] = [];
  #closed = false;
  #failedConnects = 0;
  #backoff: Timer | undefined;
  #lastError: GrpcError | undefined;
  #deadlineTimer: Timer | undefined;
  #nextDeadline = Number.POSITIVE_INFINITY;

  constructor(options: GrpcClientOptions) {
    this.#settings = new ClientSettings(options);
  }

  /**
   * Sends one message, `length` bytes in `message`, which must stay unchanged until the promise settles. Rejects with
   * a GrpcError.
   */
  unary(
    path: string,
    message: readonly ByteRange[],
    length: number,
    options: UnaryOptions = {},
  ): Promise<UnaryResponse> {
    const { timeoutMs } = options;
    const deadline = timeoutMs ? this.#settings.clock.monotonic() + timeoutMs : Number.POSITIVE_INFINITY;
    const call = new Call(path, message, length, options, deadline, this.#onSettled);
    this.#calls.add(call);
    if (deadline < this.#nextDeadline) this.#watchDeadline(deadline);
    this.#submit(call);
    return call.promise;
  }

  /** Connections to come use these certificates; the one there is ends when its calls are answered. */
  renew(tls: ConnectionOptions): void {
    this.#settings.setTls(tls);
    this.#backoff?.cancel();
    this.#backoff = undefined;
    this.#failedConnects = 0;
    if (this.#current !== undefined) this.#current.retire();
    else if (this.#waiting.length > 0) this.#connect();
  }

  readonly #onSettled = (call: Call): void => {
    this.#calls.delete(call);
  };

  #submit(call: Call): void {
    if (this.#closed) {
      call.fail(closing());
    } else if (this.#waiting.length === 0 && this.#current?.hasCapacity === true) {
      this.#current.start(call);
    } else if (this.#backoff !== undefined && !this.#settings.waitForReady) {
      call.fail(this.#lastError!);
    } else {
      call.waited = true;
      this.#waiting.push(call);
      this.#connect();
    }
  }

  #connect(): void {
    if (this.#current !== undefined || this.#backoff !== undefined || this.#closed) return;
    this.#current = new ClientConnection(this.#settings, this);
    this.#current.connect();
  }

  onCapacity(connection: ClientConnection): void {
    if (connection !== this.#current) return;
    if (connection.ready) this.#failedConnects = 0;
    let started = 0;
    while (started < this.#waiting.length && connection.hasCapacity) {
      const call = this.#waiting[started++]!;
      if (!call.settled) connection.start(call);
    }
    if (started > 0) this.#waiting.splice(0, started);
  }

  onGoingAway(connection: ClientConnection): void {
    if (connection !== this.#current) return;
    this.#current = undefined;
    this.#draining.add(connection);
    if (this.#waiting.length > 0) this.#connect();
  }

  onUnprocessed(call: Call, reason: GrpcError): void {
    if (call.settled) return;
    call.retries++;
    call.waited = true;
    if (call.retries > MAX_TRANSPARENT_RETRIES) call.fail(reason);
    else this.#submit(call);
  }

  onConnectionEnd(connection: ClientConnection, reason: Error): void {
    this.#draining.delete(connection);
    if (connection !== this.#current) return;
    this.#current = undefined;
    if (this.#closed) return;
    if (connection.ready) {
      if (this.#waiting.length > 0) this.#connect();
      return;
    }
    this.#lastError = new GrpcError(StatusCode.UNAVAILABLE, `connection error: desc = "${describe(reason)}"`);
    this.#backOff();
    if (this.#settings.waitForReady) return;
    for (const call of this.#waiting.splice(0)) call.fail(this.#lastError);
  }

  #backOff(): void {
    const { firstMs, factor, jitter, maxMs } = BACKOFF;
    const wait = Math.min(maxMs, firstMs * factor ** this.#failedConnects++);
    const spread = 1 + jitter * (2 * this.#settings.random() - 1);
    this.#backoff = this.#settings.clock.after(wait * spread, () => {
      this.#backoff = undefined;
      if (this.#waiting.length > 0) this.#connect();
    });
  }

  /** One timer for all calls: their timeouts are mostly the same, so it fires once in that time and looks at all. */
  #watchDeadline(deadline: number): void {
    this.#nextDeadline = deadline;
    this.#deadlineTimer?.cancel();
    const wait = deadline - this.#settings.clock.monotonic();
    this.#deadlineTimer = this.#settings.clock.after(wait, () => this.#expire());
  }

  #expire(): void {
    const now = this.#settings.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.#calls) {
      if (call.deadline > now) next = Math.min(next, call.deadline);
      else this.#expireCall(call);
    }
    this.#waiting = this.#waiting.filter((call) => !call.settled);
    this.#nextDeadline = Number.POSITIVE_INFINITY;
    if (next !== Number.POSITIVE_INFINITY) this.#watchDeadline(next);
  }

  #expireCall(call: Call): void {
    const why = call.stream === undefined && this.#lastError !== undefined ? `: ${this.#lastError.message}` : '';
    call.fail(new GrpcError(StatusCode.DEADLINE_EXCEEDED, `context deadline exceeded${why}`));
    if (call.stream !== undefined) call.connection?.expire(call.stream);
  }

  /** Calls in flight fail with CANCELLED. Repeatable. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#backoff?.cancel();
    this.#deadlineTimer?.cancel();
    this.#waiting = [];
    for (const call of this.#calls) call.fail(closing());
    this.#current?.close();
    for (const connection of this.#draining) connection.close();
  }
}

function closing(): GrpcError {
  return new GrpcError(StatusCode.CANCELLED, 'grpc: the client connection is closing');
}

/** In gRPC's words where nobody answers, so that users find what is written about it. */
function describe(error: Error): string {
  const dialing = error instanceof AggregateError || 'syscall' in error;
  return dialing ? `transport: Error while dialing: ${dialReason(error)}` : error.message;
}
