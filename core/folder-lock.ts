import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from './clock.ts';

/** How often is looked whether the other one has gone. */
const POLL_MS = 20;
const SQLITE_BUSY = 5;

/**
 * Makes sure that one process, and one owner in it, uses a folder. Node cannot lock a file itself; an exclusive
 * transaction of SQLite on an empty file is such a lock. The system gives it back when the process ends, however it
 * does, and it needs no process ids, which repeat in containers.
 */
export async function lockFolder(folder: string, timeoutMs: number, clock: Clock): Promise<() => void> {
  const started = clock.monotonic();
  for (;;) {
    const unlock = tryLock(join(folder, 'lock'));
    if (unlock !== undefined) return unlock;
    if (timeoutMs > 0 && clock.monotonic() - started >= timeoutMs) {
      throw new Error(`timeout: ${folder} is in use by another process or component`);
    }
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
}

function tryLock(file: string): (() => void) | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // without a journal nothing is written, so that it works on a full disk
    database.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw new Error(`cannot lock ${file}: ${(error as Error).message}`, { cause: error });
  }
  const held = database;
  return () => held.close();
}
