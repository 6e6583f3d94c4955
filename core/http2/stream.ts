import type { Outgoing } from './outgoing.ts';

/**
 * The window we give each stream and the connection as a whole. Large, so that a sender far away (100 ms) still
 * reaches 1 Gbit/s on one connection.
 */
export const RECEIVE_WINDOW = 16 << 20;

/** What both ends know of a stream (RFC 9113 section 5). It is in the connection's map until both ends closed it. */
export abstract class Stream {
  readonly id: number;
  /** Bytes we may send; negative after the peer made its initial window smaller. */
  sendWindow: number;
  /** Bytes the peer may send. */
  receiveWindow = RECEIVE_WINDOW;
  /** Bytes received since the last WINDOW_UPDATE. */
  unacknowledged = 0;
  /** The peer sends no more. */
  remoteClosed = false;
  outgoing: Outgoing | undefined;

  constructor(id: number, sendWindow: number) {
    this.id = id;
    this.sendWindow = sendWindow;
  }
}
