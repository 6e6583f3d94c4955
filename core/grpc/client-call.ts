import type { ByteRange } from '../telemetry/telemetry.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ClientStream } from './client-stream.ts';
import type { GrpcError } from './grpc-error.ts';
import type { UnaryOptions, UnaryResponse } from './types.ts';

/** A call from `unary` to its answer; it may be tried on several streams, one at a time. */
export class Call {
  readonly path: string;
  readonly message: readonly ByteRange[];
  readonly length: number;
  readonly options: UnaryOptions;
  /** On the monotonic clock. */
  readonly deadline: number;
  readonly promise: Promise<UnaryResponse>;
  settled = false;
  /** It had to wait for a connection or a stream, so less than its timeout is left. */
  waited = false;
  retries = 0;
  /** Where it is under way. */
  connection: ClientConnection | undefined;
  stream: ClientStream | undefined;
  readonly #onSettled: (call: Call) => void;
  #resolve!: (response: UnaryResponse) => void;
  #reject!: (error: GrpcError) => void;

  constructor(
    path: string,
    message: readonly ByteRange[],
    length: number,
    options: UnaryOptions,
    deadline: number,
    onSettled: (call: Call) => void,
  ) {
    this.path = path;
    this.message = message;
    this.length = length;
    this.options = options;
    this.deadline = deadline;
    this.#onSettled = onSettled;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  succeed(message: Buffer): void {
    if (this.#settle()) this.#resolve({ message });
  }

  fail(error: GrpcError): void {
    if (this.#settle()) this.#reject(error);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#onSettled(this);
    return true;
  }
}
