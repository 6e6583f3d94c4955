import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDRESS_FILE, type Address, type Started } from './protocol.ts';

/** Beside inserts and queries (see `server.ts`) files are read and written in these threads. */
const UV_THREADS = '10';
/** Memory that the engine has freed goes back to the system at once. */
const MALLOC = 'narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0';
/** An engine that ends sooner than that after its start is not started again for as long. */
const PATIENCE_MS = 1000;
const MAIN = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));

/** The process of the embedded engine on one directory, shared by all in this process that use the directory. */
export class EngineProcess {
  static readonly #all = new Map<string, EngineProcess>();

  readonly #directory: string;
  #users = 0;
  #child: ChildProcess | undefined;
  #socket: Promise<string> | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Each user calls `leave` once. */
  static join(directory: string): EngineProcess {
    let it = EngineProcess.#all.get(directory);
    if (it === undefined) {
      it = new EngineProcess(directory);
      EngineProcess.#all.set(directory, it);
    }
    it.#users++;
    return it;
  }

  /** Where the engine listens; starts it where it does not run. Rejects with what the user has to know. */
  socket(): Promise<string> {
    if (this.#socket !== undefined) return this.#socket;
    const starting = this.#start();
    this.#socket = starting;
    starting.catch(() => {
      if (this.#socket === starting) this.#socket = undefined;
    });
    return starting;
  }

  async #start(): Promise<string> {
    const now = performance.now();
    if (now - this.#startedAt < PATIENCE_MS) {
      throw new Error(`the embedded engine in ${this.#directory} has just ended; it is started again in a moment`);
    }
    this.#startedAt = now;
    const { NODE_TEST_CONTEXT, NODE_OPTIONS, ...env } = process.env;
    const child = fork(MAIN, [this.#directory], {
      // a group of its own, so that Ctrl-C does not reach it
      detached: true,
      execArgv: [],
      env: { MALLOC_CONF: MALLOC, ...env, UV_THREADPOOL_SIZE: UV_THREADS },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
    }).then((how) => {
      if (this.#child === child) this.#forget();
      return how;
    });
    const started = new Promise<Started>((resolve) => child.once('message', (message) => resolve(message as Started)));
    const first = await Promise.race([started, ended]);
    if (typeof first === 'object' && 'socket' in first) {
      // from here on only work in hand keeps this process alive
      child.unref();
      child.channel?.unref();
      return first.socket;
    }
    this.#forget();
    const why = typeof first === 'string' ? first : first.fault;
    throw new Error(`embedded store ${this.#directory}: ${why}`);
  }

  #forget(): void {
    this.#child = undefined;
    this.#socket = undefined;
  }

  /** The last user ends the engine, which first finishes what it has taken. */
  async leave(): Promise<void> {
    if (--this.#users > 0) return;
    EngineProcess.#all.delete(this.#directory);
    await this.#socket?.catch(() => {});
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.#forget();
    child.ref();
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    if (child.connected) child.disconnect();
    await exited;
  }
}

/** Where another process serves the directory; undefined where none does. */
export async function servedBy(directory: string): Promise<string | undefined> {
  let address: Address;
  try {
    address = JSON.parse(await readFile(join(directory, ADDRESS_FILE), 'utf8')) as Address;
  } catch {
    return undefined;
  }
  const { socket } = address;
  return new Promise((resolve) => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(socket);
    });
    probe.once('error', () => resolve(undefined));
  });
}
