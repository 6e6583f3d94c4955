/**
 * The process of the embedded engine: one data directory, one socket. A fault of the engine's C++ ends this process and
 * not the pipelines; whoever started it starts it again. It ends when the one that started it does, however that comes.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../clock.ts';
import { lockFolder } from '../../folder-lock.ts';
import { Engine } from './engine.ts';
import { ADDRESS_FILE, type Started } from './protocol.ts';
import { serve } from './server.ts';

/** A predecessor that has just lost its parent still writes what it has taken. */
const LOCK_WAIT_MS = 5000;
/** What the name of a socket may have, on the strictest system. */
const LONGEST_SOCKET = 100;

/** Merges are broken off; what else takes longer hangs. */
const LONGEST_STOP_MS = 30_000;

const directory = process.argv[2] ?? '.';
// Ctrl-C and a service manager signal the whole group; the parent decides when this one ends
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.once('disconnect', () => void stop());

let engine: Engine | undefined;
/** Held here for as long as the process lives: when it is collected, the lock is gone. */
let unlock: (() => void) | undefined;
let server: ReturnType<typeof serve> | undefined;

const started = start().catch((error: NodeJS.ErrnoException) => {
  tell({ fault: wording(error) });
  if (process.connected) process.disconnect();
});

async function start(): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  process.chdir(directory);
  unlock = await lockFolder(process.cwd(), LOCK_WAIT_MS, systemClock);
  engine = await Engine.open();
  const socket = await socketPath();
  await rm(socket, { force: true });
  const listening = serve(engine);
  server = listening;
  await new Promise<void>((resolve, reject) => listening.once('error', reject).listen(socket, resolve));
  await chmod(socket, 0o600);
  const address = { pid: process.pid, socket };
  await writeFile(ADDRESS_FILE, JSON.stringify(address), { mode: 0o600 });
  tell(address);
}

/** In the data directory, which decides who may reach it; where its name is too long for a socket, a private folder. */
async function socketPath(): Promise<string> {
  const inside = join(process.cwd(), 'engine.sock');
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET) return inside;
  return join(await mkdtemp(join(tmpdir(), 'weir-')), 'engine.sock');
}

function tell(started: Started): void {
  if (process.connected) process.send?.(started);
}

/** The parent may be gone before all is there. */
async function stop(): Promise<void> {
  await started;
  // unless it cannot: what it has acknowledged is stored, and the next one waits for the lock
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LONGEST_STOP_MS).unref();
  server?.close();
  server?.closeIdleConnections();
  await engine?.close();
  unlock?.();
}

function wording(error: NodeJS.ErrnoException): string {
  if (error.code === 'ERR_MODULE_NOT_FOUND') {
    return 'the embedded ClickHouse is the optional package chdb, which is not installed: npm install chdb';
  }
  if (error.message.startsWith('timeout: ')) return 'in use by another process; a store has one at a time';
  return error.message;
}
