import type { IncomingMessage } from 'node:http';
import { finished, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Decoded in pieces of this size: large enough to make their number small, small enough for a cache. */
const GUNZIP_CHUNK = 64 * 1024;
/** After so many bytes others have a turn: a few milliseconds of reading a page. */
const TURN = 512 * 1024;

export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** What a body is part of: why it was ended, if it was, and what to call when it needs no end any more. */
export interface Exchange {
  readonly fault: Error | undefined;
  readonly finish: () => void;
}

/**
 * The body of an answer, decompressed, in pieces as they arrive. To be read once, in one of two ways; leaving early
 * closes the connection. Reading fails with BodyTooLarge, RequestTimeout, or what the connection or the decompression
 * fails with.
 */
export class Body implements AsyncIterable<Buffer> {
  readonly #response: IncomingMessage;
  readonly #exchange: Exchange;
  readonly #maxBytes: number;
  #total = 0;

  /** `maxBytes`: see GetOptions. */
  constructor(response: IncomingMessage, exchange: Exchange, maxBytes: number) {
    this.#response = response;
    this.#exchange = exchange;
    this.#maxBytes = maxBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    try {
      for await (const chunk of decoded(this.#response)) {
        this.#count(chunk);
        yield chunk;
      }
    } catch (error) {
      throw this.#exchange.fault ?? error;
    } finally {
      this.#leave();
    }
  }

  /**
   * Hands each piece to `take`, valid until that returns: a body of any size needs the memory of one piece. Fails with
   * what `take` throws, too.
   */
  async drain(take: (chunk: Buffer) => void): Promise<void> {
    try {
      await drain(decoded(this.#response), (chunk) => {
        this.#count(chunk);
        take(chunk);
      });
    } catch (error) {
      throw this.#exchange.fault ?? error;
    } finally {
      this.#leave();
    }
  }

  #count(chunk: Buffer): void {
    this.#total += chunk.length;
    if (this.#maxBytes > 0 && this.#total > this.#maxBytes) throw new BodyTooLarge('body size limit exceeded');
  }

  #leave(): void {
    this.#exchange.finish();
    if (!this.#response.complete) this.#response.destroy();
  }
}

function decoded(response: IncomingMessage): Readable {
  if (response.headers['content-encoding'] !== 'gzip') return response;
  // errors of either side reach the reader through the decoder
  return pipeline(response, createGunzip({ chunkSize: GUNZIP_CHUNK }), () => {});
}

function drain(body: Readable, take: (chunk: Buffer) => void): Promise<void> {
  let turn = TURN;
  let fault: Error | undefined;
  body.on('data', (chunk: Buffer) => {
    // what was read together with a piece that was refused still comes
    if (fault !== undefined) return;
    turn -= chunk.length;
    try {
      take(chunk);
    } catch (error) {
      fault = error instanceof Error ? error : new Error(String(error));
      body.destroy(fault);
      return;
    }
    giveBack(chunk);
    if (turn > 0) return;
    turn = TURN;
    body.pause();
    setImmediate(() => body.resume());
  });
  return new Promise((resolve, reject) => {
    finished(body, { writable: false }, (error) => {
      if (fault ?? error) reject(fault ?? error);
      else resolve();
    });
  });
}

/**
 * Frees a piece that has its memory for itself, as those of Node's HTTP parser and full ones of its decoder have. The
 * garbage collector is in no hurry for memory outside its heap: a page would be there several times.
 */
function giveBack(chunk: Buffer): void {
  const memory = chunk.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength === chunk.length) memory.transfer(0);
}
