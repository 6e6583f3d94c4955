import type { Timer } from '../clock.ts';
import { Connection } from '../http2/connection.ts';
import { ErrorCode, errorName, MAX_STREAM_ID, PREFACE, Setting } from '../http2/frames.ts';
import { connectShared } from '../net/shared-read.ts';
import { StatusCode } from '../status-code.ts';
import { deliver } from './client-answer.ts';
import type { Call } from './client-call.ts';
import { ClientPinger, type Pinged } from './client-keepalive.ts';
import type { ClientSettings } from './client-settings.ts';
import { ClientStream } from './client-stream.ts';
import { GrpcError } from './grpc-error.ts';
import { OutgoingMessage } from './outgoing-message.ts';
import { fromReset } from './status.ts';

const NO_PREFACE = Buffer.alloc(0);

/** Who uses the connection. */
export interface ConnectionUser {
  /** The connection can take calls, or more of them than before. */
  onCapacity(connection: ClientConnection): void;
  /** It takes no more calls; those it has go on. */
  onGoingAway(connection: ClientConnection): void;
  /** The server has certainly not acted on the call, so it may be tried again. */
  onUnprocessed(call: Call, reason: GrpcError): void;
  /** After the calls it had were failed. */
  onConnectionEnd(connection: ClientConnection, reason: Error): void;
}

/** The client's end of a connection. */
export class ClientConnection extends Connection<ClientStream> implements Pinged {
  /** The server's settings have arrived. */
  ready = false;
  readonly #settings: ClientSettings;
  readonly #user: ConnectionUser;
  readonly #pinger: ClientPinger;
  #nextStream = 1;
  #goingAway = false;
  #connectTimer: Timer | undefined;

  constructor(settings: ClientSettings, user: ConnectionUser) {
    super(settings.clock, NO_PREFACE, settings.maxReceiveMessageBytes);
    this.#settings = settings;
    this.#user = user;
    const { clock, keepalive } = settings;
    this.#pinger = new ClientPinger(this, clock, keepalive);
  }

  connect(): void {
    const { target, tls, connectTimeoutMs } = this.#settings;
    try {
      this.attach(connectShared(target, tls, this));
    } catch (error) {
      // a port out of range, a certificate that cannot be read
      this.end(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.output.write(PREFACE);
    this.writeFirstFrames([[Setting.ENABLE_PUSH, 0]]);
    this.output.flush();
    this.#connectTimer = this.clock.after(connectTimeoutMs, () => {
      this.end(new Error(`no HTTP/2 connection within ${connectTimeoutMs} ms`));
    });
  }

  get hasCapacity(): boolean {
    return this.ready && !this.dead && !this.#goingAway && this.streams.size < this.peerSettings.maxConcurrentStreams;
  }

  start(call: Call): void {
    const { path, options, message, length } = call;
    const id = this.#nextStream;
    this.#nextStream += 2;
    if (this.#nextStream > MAX_STREAM_ID) this.#goAway();
    let timeoutMs = options.timeoutMs ?? 0;
    if (call.waited && timeoutMs > 0) timeoutMs = Math.max(1, call.deadline - this.clock.monotonic());
    const window = this.peerSettings.initialWindow;
    const stream = new ClientStream(id, window, call, this.#settings.maxReceiveMessageBytes, this.budget);
    call.connection = this;
    call.stream = stream;
    this.streams.set(id, stream);
    this.writeHeaders(id, 0, this.#settings.headers(path, options, timeoutMs));
    stream.outgoing = new OutgoingMessage(message, length, options.encoding !== undefined, true);
    this.pump(stream);
  }

  /** The deadline of the call has passed. */
  expire(stream: ClientStream): void {
    if (this.streams.get(stream.id) !== stream) return;
    this.cancel(stream);
    this.#pinger.onSilence();
  }

  /** The call is over for its caller. */
  cancel(stream: ClientStream): void {
    if (this.streams.get(stream.id) !== stream) return;
    stream.body.drop();
    this.reset(stream.id, ErrorCode.CANCEL);
    this.#afterStream();
  }

  /** Takes no more calls and ends when those it has are over. */
  retire(): void {
    this.#goAway();
    this.#afterStream();
  }

  close(): void {
    if (this.dead) return;
    this.writeGoAway(0, ErrorCode.NO_ERROR, '');
    this.end(new Error('the client is closed'));
  }

  protected override get lastPeerStream(): number {
    return 0;
  }

  protected override isIdle(streamId: number): boolean {
    return streamId >= this.#nextStream || streamId % 2 === 0;
  }

  protected override onSettings(): void {
    if (!this.ready) {
      this.ready = true;
      this.#connectTimer?.cancel();
      this.#pinger.start();
    }
    this.#user.onCapacity(this);
  }

  protected override onPing(): void {}

  protected override onPong(): void {
    this.#pinger.onPong();
  }

  get callsInFlight(): number {
    return this.streams.size;
  }

  takeActive(): boolean {
    const { active } = this;
    this.active = false;
    return active;
  }

  ping(): void {
    this.writePing();
  }

  kill(reason: string): void {
    this.end(new Error(reason));
    this.socket?.destroy();
  }

  protected override onGoAway(lastStreamId: number, code: number, message: string): void {
    const text = `the server is going away: ${errorName(code)}${message === '' ? '' : `, ${message}`}`;
    const reason = new GrpcError(StatusCode.UNAVAILABLE, text);
    this.#goAway();
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastStreamId) continue;
      this.forget(stream);
      stream.body.drop();
      this.#user.onUnprocessed(stream.call, reason);
    }
    this.#afterStream();
  }

  #goAway(): void {
    if (this.#goingAway) return;
    this.#goingAway = true;
    this.#user.onGoingAway(this);
  }

  protected override onDead(reason: Error): void {
    this.#connectTimer?.cancel();
    this.#pinger.stop();
    const streams = [...this.streams.values()];
    this.streams.clear();
    const error = new GrpcError(StatusCode.UNAVAILABLE, `connection lost: ${reason.message}`);
    for (const stream of streams) {
      stream.body.drop();
      stream.call.fail(error);
    }
    this.#user.onConnectionEnd(this, reason);
  }

  protected override onHeaders(streamId: number, endsStream: boolean, bytes: Buffer, from: number, to: number): void {
    const fields = this.decoder.decode(bytes, from, to);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.onClosedStream(streamId);
      return;
    }
    const trailers = stream.headersReceived;
    const malformed = fields.some((field) => field.malformed || (trailers && field.name.startsWith(':')));
    if (stream.remoteClosed || malformed || (trailers && !endsStream)) {
      this.resetForError(stream, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (this.decoder.oversized) {
      this.#fail(stream, new GrpcError(StatusCode.INTERNAL, 'the headers of the answer are too large'));
      return;
    }
    stream.read(fields);
    stream.headersReceived = !stream.interim;
    if (!endsStream) return;
    stream.remoteClosed = true;
    this.onStreamEnd(stream);
  }

  protected override onStreamData(stream: ClientStream, bytes: Buffer, start: number, end: number): void {
    const problem = stream.failureWithoutTrailers() ?? stream.body.read(bytes, start, end);
    if (problem !== undefined) this.#fail(stream, problem);
  }

  #fail(stream: ClientStream, error: GrpcError): void {
    this.cancel(stream);
    stream.call.fail(error);
  }

  protected override onStreamEnd(stream: ClientStream): void {
    // an answer before the end of the request: the server wants no more of it
    if (stream.outgoing === undefined) this.forget(stream);
    else this.reset(stream.id, ErrorCode.CANCEL);
    const { decompressors, maxReceiveMessageBytes } = this.#settings;
    deliver(stream, decompressors, maxReceiveMessageBytes);
    this.#afterStream();
  }

  protected override onSent(): void {}

  protected override onReset(stream: ClientStream, code: number): void {
    stream.body.drop();
    const error = fromReset(code);
    if (code === ErrorCode.REFUSED_STREAM) this.#user.onUnprocessed(stream.call, error);
    else stream.call.fail(error);
    this.#afterStream();
  }

  #afterStream(): void {
    if (!this.#goingAway) this.#user.onCapacity(this);
    else if (this.streams.size === 0) this.end(new Error('drained'));
  }
}
