import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { Rotation } from './config.ts';

/** A file that messages are written to. */
export interface Target {
  /** Opens the file; throws where that is impossible. */
  open(): Promise<void>;
  /**
   * Writes messages in order and says how many bytes got there, maybe not all. `continued` tells that the first one is
   * the rest of a message whose beginning is in the file.
   */
  write(messages: readonly Buffer[], continued: boolean): Promise<number>;
  close(): Promise<void>;
}

/** What one writev takes (IOV_MAX on Linux and macOS). */
const MAX_VECTORS = 1024;

export class PlainFile implements Target {
  readonly #path: string;
  readonly #append: boolean;
  #handle: FileHandle | undefined;

  constructor(path: string, append: boolean) {
    this.#path = path;
    this.#append = append;
  }

  async open(): Promise<void> {
    // appending also to a file that was emptied: a writer that is about to end may still have it open
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;
    this.#handle = await open(this.#path, this.#append ? flags : flags | constants.O_TRUNC, 0o644);
  }

  async write(messages: readonly Buffer[]): Promise<number> {
    if (this.#handle === undefined) throw new Error('the file is closed');
    return (await this.#handle.writev(messages.slice(0, MAX_VECTORS))).bytesWritten;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}

const MIB = 1024 * 1024;
const DEFAULT_MAX_MEGABYTES = 100;
const DAY_MS = 24 * 3600 * 1000;
/** The collector's files are for their owner and group only when it rotates them. */
const ROTATED_MODE = 0o640;

/**
 * A file that is renamed to `name-2006-01-02T15-04-05.000-size.ext` before it would exceed its size. It is opened with
 * the first message and continued where it exists. A message larger than the limit gets a file of its own.
 */
export class RotatingFile implements Target {
  readonly #path: string;
  readonly #rotation: Rotation;
  readonly #clock: Clock;
  readonly #max: number;
  #handle: FileHandle | undefined;
  #size = 0;

  constructor(path: string, rotation: Rotation, clock: Clock) {
    this.#path = path;
    this.#rotation = rotation;
    this.#clock = clock;
    this.#max = (rotation.max_megabytes || DEFAULT_MAX_MEGABYTES) * MIB;
  }

  async open(): Promise<void> {}

  async write(messages: readonly Buffer[], continued: boolean): Promise<number> {
    const first = messages[0]?.length ?? 0;
    this.#handle ??= await this.#openExisting();
    if (!continued && this.#size > 0 && this.#size + first > this.#max) await this.#rotate();
    let room = this.#max - this.#size - first;
    let count = 1;
    for (let next = messages[1]; next !== undefined && next.length <= room && count < MAX_VECTORS; ) {
      room -= next.length;
      next = messages[++count];
    }
    const { bytesWritten } = await this.#handle.writev(messages.slice(0, count));
    this.#size += bytesWritten;
    return bytesWritten;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #openExisting(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    const handle = await open(this.#path, 'a', ROTATED_MODE);
    this.#size = (await handle.stat()).size;
    // a file that cannot be deleted stays until the next rotation tries again; writing goes on
    await this.#removeOld().catch(() => {});
    return handle;
  }

  async #rotate(): Promise<void> {
    await this.close();
    await rename(this.#path, await this.#backupName());
    this.#handle = await this.#openExisting();
  }

  /** Names have milliseconds, so a second file in one of them would replace the first: it takes the next one. */
  async #backupName(): Promise<string> {
    const { prefix, extension } = this.#nameParts();
    for (let time = this.#clock.now(); ; time++) {
      const name = join(dirname(this.#path), `${prefix}${stamp(time, this.#rotation.localtime)}-size${extension}`);
      const taken = await stat(name).then(
        () => true,
        () => false,
      );
      if (!taken) return name;
    }
  }

  async #removeOld(): Promise<void> {
    const { max_backups: keep, max_days: days } = this.#rotation;
    if (keep === 0 && days === 0) return;
    const { prefix, extension } = this.#nameParts();
    const oldest = days > 0 ? stamp(this.#clock.now() - days * DAY_MS, this.#rotation.localtime) : '';
    const names = (await readdir(dirname(this.#path))).filter((name) => isBackup(name, prefix, extension));
    const newestFirst = names.sort().reverse();
    const old = newestFirst.filter((name, i) => (keep > 0 && i >= keep) || name.slice(prefix.length) < oldest);
    await Promise.all(old.map((name) => unlink(join(dirname(this.#path), name))));
  }

  #nameParts(): { readonly prefix: string; readonly extension: string } {
    const extension = extname(this.#path);
    return { prefix: `${basename(this.#path, extension)}-`, extension };
  }
}

const STAMP = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}-size$/;

function isBackup(name: string, prefix: string, extension: string): boolean {
  if (!name.startsWith(prefix) || !name.endsWith(extension)) return false;
  return STAMP.test(name.slice(prefix.length, name.length - extension.length));
}

/** `2006-01-02T15-04-05.000`; sorts by time. */
function stamp(time: number, local: boolean): string {
  const shifted = local ? time - new Date(time).getTimezoneOffset() * 60_000 : time;
  return new Date(shifted).toISOString().slice(0, -1).replaceAll(':', '-');
}
