import { type Clock, systemClock } from '../clock.ts';
import type { KeepaliveEnforcement, ServerKeepalive } from '../http2/server-keepalive.ts';
import { LARGEST_MESSAGES, RECEIVE_MEMORY, type ServerLimit } from '../http2/server-limits.ts';
import type { SideSettings } from '../http2/server-side.ts';
import { ReceiveMemory } from '../net/receive-memory.ts';
import { StatusCode } from '../status-code.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { GrpcError } from './grpc-error.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from './message-reader.ts';
import { CannedReply, responseHeaders } from './responses.ts';
import type { ServerStream } from './server-stream.ts';
import type { Decompressors, GrpcServerOptions, UnaryHandler } from './types.ts';

/** More calls than any exporter has in flight; bounds what one connection can ask for. */
const DEFAULT_MAX_STREAMS = 1024;

/** What all connections of a server share, with defaults filled in, and how a complete request is served. */
export class ServerSettings implements SideSettings {
  readonly clock: Clock;
  readonly methods: ReadonlyMap<string, UnaryHandler>;
  readonly maxReceiveMessageBytes: number;
  readonly maxConcurrentStreams: number;
  readonly keepalive: ServerKeepalive | undefined;
  readonly enforcement: KeepaliveEnforcement | undefined;
  readonly memory: ReceiveMemory;
  readonly responseHeaders: Buffer;
  #canned: CannedReply;
  readonly #decompressors: Decompressors;
  readonly #authenticate: GrpcServerOptions['authenticate'];
  readonly #onLimit: GrpcServerOptions['onLimit'];

  constructor(options: GrpcServerOptions) {
    this.clock = options.clock ?? systemClock;
    this.methods = options.methods;
    this.maxReceiveMessageBytes = options.maxReceiveMessageBytes || DEFAULT_MAX_MESSAGE_BYTES;
    this.maxConcurrentStreams = options.maxConcurrentStreams || DEFAULT_MAX_STREAMS;
    this.keepalive = options.keepalive;
    this.enforcement = options.enforcement;
    this.#decompressors = options.decompressors ?? new Map();
    this.#authenticate = options.authenticate;
    this.#onLimit = options.onLimit;
    this.memory = new ReceiveMemory(Math.max(RECEIVE_MEMORY, LARGEST_MESSAGES * this.maxReceiveMessageBytes));
    this.responseHeaders = responseHeaders([...this.#decompressors.keys()].join(','));
    this.#canned = new CannedReply(this.responseHeaders, Buffer.alloc(0));
  }

  /** Undefined for a message too long to be kept ready. */
  cannedReply(message: Uint8Array): CannedReply | undefined {
    if (this.#canned.isFor(message)) return this.#canned;
    if (!CannedReply.fits(message)) return undefined;
    this.#canned = new CannedReply(this.responseHeaders, message);
    return this.#canned;
  }

  reached(limit: ServerLimit): void {
    this.#onLimit?.(limit);
  }

  /**
   * Authenticates a call of which there are only the headers; one that is refused has not cost us its message. `later`
   * is called where the answer took its time and is yes.
   */
  admit(call: ServerStream, later: () => void): void {
    const authenticate = this.#authenticate;
    if (authenticate === undefined || typeof call.to !== 'function') return;
    call.admitted = false;
    let waited = false;
    attempt(
      call,
      StatusCode.UNAUTHENTICATED,
      () => authenticate(call),
      (auth) => {
        call.auth = auth;
        call.admitted = true;
        if (waited) later();
      },
    );
    waited = true;
  }

  /** Decompresses and handles; synchronously where nothing has to wait. */
  serve(call: ServerStream, handler: UnaryHandler): void {
    call.serving = true;
    if (!call.body.compressed) {
      handle(call, call.body.take(), handler);
      return;
    }
    const { encoding } = call;
    if (encoding === '') {
      const message = 'grpc: compressed flag set with identity or empty encoding';
      call.fail({ code: StatusCode.INTERNAL, message });
      return;
    }
    const decompress = this.#decompressors.get(encoding);
    if (decompress === undefined) {
      const message = `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`;
      call.fail({ code: StatusCode.UNIMPLEMENTED, message });
      return;
    }
    const compressed = call.body.take();
    attempt(
      call,
      StatusCode.INTERNAL,
      () => decompress(compressed, this.maxReceiveMessageBytes),
      (message) => handle(call, message, handler),
      () => compressed.slab?.release(),
    );
  }
}

function handle(call: ServerStream, message: ByteRange, handler: UnaryHandler): void {
  if (call.cancelled) {
    message.slab?.release();
    call.fail({ code: StatusCode.CANCELLED, message: 'the client has given up' });
    return;
  }
  call.message = message;
  try {
    handler(call);
  } catch (error) {
    call.fail(toFailure(error, StatusCode.INTERNAL));
  }
}

/** `then` gets what `work` returns or resolves to; an error fails the call, with `code` where it has none itself. */
function attempt<T>(
  call: ServerStream,
  code: StatusCode,
  work: () => T | Promise<T>,
  then: (value: T) => void,
  always?: () => void,
): void {
  const failed = (error: unknown): void => call.fail(toFailure(error, code));
  let result: T | Promise<T>;
  try {
    result = work();
  } catch (error) {
    always?.();
    failed(error);
    return;
  }
  if (result instanceof Promise) {
    result.finally(always).then(then, failed);
    return;
  }
  always?.();
  then(result);
}

function toFailure(error: unknown, code: StatusCode): GrpcError {
  if (error instanceof GrpcError) return error;
  return new GrpcError(code, error instanceof Error ? error.message : String(error));
}
