import { Flag, FRAME_HEADER_SIZE, FrameType } from '../http2/frames.ts';
import { encodeHeaders } from '../http2/hpack-encoder.ts';
import { type Output, writeFrameHeader } from '../http2/output.ts';
import { MESSAGE_PREFIX_SIZE } from './outgoing-message.ts';
import { encodeMessage } from './status.ts';
import type { GrpcFailure } from './types.ts';

/**
 * The header blocks of answers.
 *
 *     ok = HEADERS (:status, content-type) DATA (message) HEADERS (grpc-status)
 *     failure = HEADERS (:status, content-type, grpc-status, grpc-message, …)
 */
const COMMON: readonly (readonly [string, string])[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];

/** Clients limit what they take as headers, some to 8 KiB; an answer over it would be lost as a whole. */
const MAX_MESSAGE_LENGTH = 4 << 10;
const MAX_DETAILS_SIZE = 2 << 10;

/** The header block of an answer with a message; `acceptEncoding` is empty where nothing is decompressed. */
export function responseHeaders(acceptEncoding: string): Buffer {
  return encodeHeaders(acceptEncoding === '' ? COMMON : [...COMMON, ['grpc-accept-encoding', acceptEncoding]]);
}

export const OK_TRAILERS = encodeHeaders([['grpc-status', '0']]);

/** The one header block of a call that failed; details too large for a header are left out. */
export function failureHeaders({ code, message, details }: GrpcFailure): Buffer {
  const fields: (readonly [string, string])[] = [...COMMON, ['grpc-status', String(code)]];
  if (message !== '') fields.push(['grpc-message', encodeMessage(message.slice(0, MAX_MESSAGE_LENGTH))]);
  if (details !== undefined && details.length > 0 && details.length <= MAX_DETAILS_SIZE) {
    fields.push(['grpc-status-details-bin', Buffer.from(details).toString('base64').replace(/=+$/, '')]);
  }
  return encodeHeaders(fields);
}

/** Longer messages are not worth comparing. */
const MAX_CANNED_LENGTH = 32;

/**
 * The whole answer with one short message as one run of frames, where only the stream ids differ. Handlers mostly give
 * the same message each time (OTLP: nothing was refused).
 */
export class CannedReply {
  readonly #message: Buffer;
  readonly #frames: Buffer;
  /** Where the stream ids lie. */
  readonly #ids: readonly number[];

  constructor(headers: Buffer, message: Uint8Array) {
    this.#message = Buffer.from(message);
    const data = Buffer.concat([Buffer.alloc(MESSAGE_PREFIX_SIZE), message]);
    data.writeUInt32BE(message.length, 1);
    const frames: Buffer[] = [];
    const ids: number[] = [];
    let length = 0;
    const add = (type: number, flags: number, payload: Buffer): void => {
      const header = Buffer.alloc(FRAME_HEADER_SIZE);
      writeFrameHeader(header, 0, type, flags, 0, payload.length);
      ids.push(length + FRAME_HEADER_SIZE - 4);
      frames.push(header, payload);
      length += header.length + payload.length;
    };
    add(FrameType.HEADERS, Flag.END_HEADERS, headers);
    add(FrameType.DATA, 0, data);
    add(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, OK_TRAILERS);
    this.#frames = Buffer.concat(frames);
    this.#ids = ids;
  }

  static fits(message: Uint8Array): boolean {
    return message.length <= MAX_CANNED_LENGTH;
  }

  /** Flow-controlled bytes of it. */
  get dataLength(): number {
    return MESSAGE_PREFIX_SIZE + this.#message.length;
  }

  isFor(message: Uint8Array): boolean {
    if (message.length !== this.#message.length) return false;
    for (let i = 0; i < message.length; i++) if (message[i] !== this.#message[i]) return false;
    return true;
  }

  write(output: Output, streamId: number): void {
    const frames = this.#frames;
    const buffer = output.reserve(frames.length);
    const at = output.position;
    buffer.set(frames, at);
    for (const offset of this.#ids) {
      const id = at + offset;
      buffer[id] = streamId >>> 24;
      buffer[id + 1] = streamId >>> 16;
      buffer[id + 2] = streamId >>> 8;
      buffer[id + 3] = streamId;
    }
    output.advance(at + frames.length);
  }
}
