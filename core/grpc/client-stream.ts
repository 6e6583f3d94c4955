import type { HeaderField } from '../http2/hpack-decoder.ts';
import type { ReceiveBudget } from '../http2/receive-budget.ts';
import { Stream } from '../http2/stream.ts';
import { StatusCode } from '../status-code.ts';
import type { Call } from './client-call.ts';
import { GrpcError } from './grpc-error.ts';
import { MessageReader } from './message-reader.ts';
import { decodeMessage, fromHttpStatus, isGrpcContentType, parseStatusCode } from './status.ts';

/** One try of a call, and what has come of its answer. */
export class ClientStream extends Stream {
  readonly call: Call;
  readonly body: MessageReader;
  headersReceived = false;
  #httpStatus = '';
  #contentType: string | undefined;
  #encoding = '';
  #status: string | undefined;
  #message = '';
  #details: string | undefined;

  constructor(id: number, sendWindow: number, call: Call, maxBytes: number, budget: ReceiveBudget) {
    super(id, sendWindow);
    this.call = call;
    this.body = new MessageReader(maxBytes, budget);
  }

  get encoding(): string {
    return this.#encoding;
  }

  /** Answers before the final one (RFC 9110 section 15.2) say nothing to gRPC. */
  get interim(): boolean {
    return this.#httpStatus.startsWith('1');
  }

  /** Reads a header section, the first or the trailers. */
  read(fields: readonly HeaderField[]): void {
    for (const { name, value } of fields) {
      if (name === ':status') this.#httpStatus = value;
      else if (name === 'content-type') this.#contentType ??= value;
      else if (name === 'grpc-encoding') this.#encoding = value === 'identity' ? '' : value;
      else if (name === 'grpc-status') this.#status = value;
      else if (name === 'grpc-message') this.#message = value;
      else if (name === 'grpc-status-details-bin') this.#details = value;
    }
  }

  /** DATA that is not gRPC is an error page: what it is says the head alone, so its body is not waited for. */
  failureWithoutTrailers(): GrpcError | undefined {
    const isGrpc = this.#contentType !== undefined && isGrpcContentType(this.#contentType);
    return isGrpc && this.#httpStatus === '200' ? undefined : fromHttpStatus(this.#httpStatus, this.#contentType);
  }

  /** Why the call failed, once the answer has ended; undefined for OK. */
  failure(): GrpcError | undefined {
    const isGrpc = this.#contentType !== undefined && isGrpcContentType(this.#contentType);
    if (this.#status === undefined || !isGrpc) {
      const message = 'server closed the stream without sending trailers';
      return this.failureWithoutTrailers() ?? new GrpcError(StatusCode.INTERNAL, message);
    }
    const code = parseStatusCode(this.#status);
    if (code !== StatusCode.OK) {
      const details = this.#details === undefined ? undefined : Buffer.from(this.#details, 'base64');
      return new GrpcError(code, decodeMessage(this.#message), details);
    }
    if (this.body.complete) return undefined;
    const what = this.body.empty ? 'no response message' : 'a response message that is cut off';
    return new GrpcError(StatusCode.INTERNAL, `received ${what}`);
  }
}
