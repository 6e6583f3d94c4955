import { ConnectionError, DEFAULT_MAX_FRAME_SIZE, ErrorCode, Flag, FrameType, protocolError } from './frames.ts';

/**
 * What can be said about a frame by its header alone (RFC 9113 sections 4.2 and 6). Throws a ConnectionError.
 *
 * `continues` is the stream whose header block is open: until its end no other frame may come (section 6.10).
 */
export function checkFrameHeader(
  type: number,
  flags: number,
  streamId: number,
  length: number,
  continues: number | undefined,
): void {
  if (length > DEFAULT_MAX_FRAME_SIZE) throw sizeError(type, length);
  if (continues !== undefined && (type !== FrameType.CONTINUATION || streamId !== continues)) {
    throw protocolError('a header block is interrupted by another frame');
  }
  switch (type) {
    case FrameType.DATA:
    case FrameType.HEADERS:
      onStream(type, streamId);
      return;
    case FrameType.PRIORITY:
      onStream(type, streamId);
      sized(type, length, 5);
      return;
    case FrameType.RST_STREAM:
      onStream(type, streamId);
      sized(type, length, 4);
      return;
    case FrameType.SETTINGS:
      onConnection(type, streamId);
      if (length % 6 !== 0 || ((flags & Flag.ACK) !== 0 && length > 0)) throw sizeError(type, length);
      return;
    case FrameType.PING:
      onConnection(type, streamId);
      sized(type, length, 8);
      return;
    case FrameType.GOAWAY:
      onConnection(type, streamId);
      if (length < 8) throw sizeError(type, length);
      return;
    case FrameType.WINDOW_UPDATE:
      sized(type, length, 4);
      return;
    case FrameType.CONTINUATION:
      if (continues === undefined) throw protocolError('CONTINUATION without an open header block');
      return;
    case FrameType.PUSH_PROMISE:
      throw protocolError('PUSH_PROMISE is not allowed');
    default:
    // a frame of an unknown type is ignored (section 5.5)
  }
}

/** Priorities are not used, but a stream that depends on itself is an error (RFC 7540 section 5.3.1). */
export function checkPriority(streamId: number, bytes: Buffer, start: number): void {
  if ((bytes.readUInt32BE(start) & 0x7fffffff) === streamId) throw protocolError('a stream depends on itself');
}

function onStream(type: number, streamId: number): void {
  if (streamId === 0) throw protocolError(`a frame of type ${type} on stream 0`);
}

function onConnection(type: number, streamId: number): void {
  if (streamId !== 0) throw protocolError(`a frame of type ${type} on stream ${streamId}`);
}

function sized(type: number, length: number, expected: number): void {
  if (length !== expected) throw sizeError(type, length);
}

function sizeError(type: number, length: number): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of type ${type} has ${length} octets`);
}
