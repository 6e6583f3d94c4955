import {
  ConnectionError,
  DEFAULT_MAX_FRAME_SIZE,
  DEFAULT_WINDOW,
  ErrorCode,
  LARGEST_MAX_FRAME_SIZE,
  MAX_WINDOW,
  protocolError,
  Setting,
} from './frames.ts';

/**
 * What the peer asked of us (RFC 9113 section 6.5.2). We never send frames over the smallest maximum nor use a header
 * table, so only the windows and the number of streams matter.
 */
export class PeerSettings {
  initialWindow = DEFAULT_WINDOW;
  maxConcurrentStreams = Number.POSITIVE_INFINITY;

  /** Reads the settings `bytes[start, end)`; returns by how much the window of each open stream changes. */
  read(bytes: Buffer, start: number, end: number): number {
    const before = this.initialWindow;
    for (let at = start; at < end; at += 6) this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    return this.initialWindow - before;
  }

  #set(setting: number, value: number): void {
    switch (setting) {
      case Setting.ENABLE_PUSH:
        if (value > 1) throw protocolError('ENABLE_PUSH is neither 0 nor 1');
        break;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value;
        break;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) {
          throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE is too large');
        }
        this.initialWindow = value;
        break;
      case Setting.MAX_FRAME_SIZE:
        if (value < DEFAULT_MAX_FRAME_SIZE || value > LARGEST_MAX_FRAME_SIZE) {
          throw protocolError('MAX_FRAME_SIZE is out of range');
        }
        break;
      default:
      // an unknown setting is ignored
    }
  }
}
