import type { Socket } from 'node:net';
import type { Clock, Timer } from '../clock.ts';

/**
 * After the last answer the peer may still be sending; closing at once would reset the connection and the answer
 * would be lost on the way (RFC 9112 section 9.6).
 */
const LINGER_MS = 2000;

/** The answers of one connection: those to one read go out in one write. */
export class Answers {
  readonly #socket: Socket;
  readonly #clock: Clock;
  #output: Buffer[] = [];
  #linger: Timer | undefined;
  /** The last answer was given; what comes in is thrown away. */
  finished = false;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  push(bytes: Buffer): void {
    this.#output.push(bytes);
  }

  flush(): void {
    const output = this.#output;
    if (output.length === 0) return;
    this.#output = [];
    const bytes = output.length === 1 ? (output[0] as Buffer) : Buffer.concat(output);
    // a peer that does not read its answers gets no further ones made
    if (!this.#socket.write(bytes) && !this.finished) this.#socket.pause();
  }

  /** There will be no further answer. */
  finish(): void {
    this.finished = true;
    this.flush();
    this.#socket.end();
    this.#socket.resume();
    this.#linger = this.#clock.after(LINGER_MS, () => this.#socket.destroy());
  }

  /** The socket is closed. */
  closed(): void {
    this.finished = true;
    this.#linger?.cancel();
  }
}
