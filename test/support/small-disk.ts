import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SIZE = '2m';
/** One write of what fills it. */
const PIECE = Buffer.alloc(4096);

/** A small file system in a folder, as root can make one. */
export class SmallDisk implements Disposable {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder]);
  }

  /** Takes all the room that is left. */
  fill(): void {
    try {
      for (;;) writeFileSync(join(this.#folder, 'filler'), PIECE, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  free(): void {
    rmSync(join(this.#folder, 'filler'));
  }

  [Symbol.dispose](): void {
    // lazily: the process that has files there may be ending just now
    execFileSync('umount', ['-l', this.#folder]);
  }
}
