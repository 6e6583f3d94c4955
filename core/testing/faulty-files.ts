import * as fs from 'node:fs/promises';
import type { Files } from '../segment-log/segment.ts';

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}

/** Real files on a disk in the hands of a test. */
export class FaultyFiles implements Files {
  readonly mkdir = fs.mkdir;
  readonly readdir = fs.readdir;
  readonly readFile = fs.readFile;
  /** Bytes that still fit on the disk; a write that does not fit is made in part, as by the system. */
  room = Number.POSITIVE_INFINITY;
  /** Files that cannot be opened for reading. */
  unreadable: RegExp | undefined;
  syncFails = false;
  truncateFails = false;
  writes = 0;
  syncs = 0;

  readonly open = (async (path: string, flags: string, mode?: number) => {
    if (flags === 'r' && this.unreadable?.test(path)) throw failure('EIO');
    return this.#faulty(await fs.open(path, flags, mode));
  }) as typeof fs.open;

  readonly unlink = (async (path: string) => {
    const { size } = await fs.stat(path);
    await fs.unlink(path);
    this.room += size;
  }) as typeof fs.unlink;

  #faulty(handle: fs.FileHandle): fs.FileHandle {
    const { datasync, truncate } = handle;
    const write: (...args: [Buffer, number, number, number]) => Promise<{ bytesWritten: number }> = handle.write;
    const faults = {
      write: async (buffer: Buffer, offset: number, length: number, position: number) => {
        this.writes++;
        if (this.room === 0) throw failure('ENOSPC');
        const fits = Math.min(length, this.room);
        this.room -= fits;
        return write.call(handle, buffer, offset, fits, position);
      },
      datasync: async () => {
        this.syncs++;
        if (this.syncFails) throw failure('EIO');
        await datasync.call(handle);
      },
      truncate: async (length: number) => {
        if (this.truncateFails) throw failure('EIO');
        const { size } = await handle.stat();
        await truncate.call(handle, length);
        this.room += Math.max(0, size - length);
      },
    };
    return Object.assign(handle, faults);
  }
}
