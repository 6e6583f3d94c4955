import type * as fs from 'node:fs/promises';

/** What the log does with files; another one stands for faults in tests. */
export type Files = Pick<typeof fs, 'mkdir' | 'open' | 'readFile' | 'readdir' | 'unlink'>;

/** A file of the log. */
export class Segment {
  readonly number: number;
  readonly path: string;
  readonly marker: Buffer;
  readonly file: fs.FileHandle;
  /** Bytes written and valid; what may lie behind was not finished. */
  size: number;
  /** Bytes of the records that hold what keys have now. */
  live = 0;
  #readers = 0;
  #removed = false;

  constructor(number: number, path: string, marker: Buffer, file: fs.FileHandle, size: number) {
    this.number = number;
    this.path = path;
    this.marker = marker;
    this.file = file;
    this.size = size;
  }

  /** All bytes or an error. */
  async write(buffer: Buffer, length: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const { bytesWritten } = await this.file.write(buffer, done, length - done, this.size + done);
      if (bytesWritten === 0) throw new Error('nothing could be written');
      done += bytesWritten;
    }
  }

  /** Fewer bytes where the file ends before. */
  async read(at: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    this.#readers++;
    try {
      let done = 0;
      for (let got = 1; done < length && got > 0; done += got) {
        got = (await this.file.read(buffer, done, length - done, at + done)).bytesRead;
      }
      return buffer.subarray(0, done);
    } finally {
      this.#readers--;
      if (this.#removed && this.#readers === 0) await this.file.close();
    }
  }

  /** Closes the file when nobody reads it any more. */
  async close(): Promise<void> {
    if (this.#removed) return;
    this.#removed = true;
    if (this.#readers === 0) await this.file.close();
  }
}
