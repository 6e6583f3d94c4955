import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/ports.ts';

const SCRIPT = fileURLToPath(new URL('./clickhouse.sh', import.meta.url));
const FRONT = fileURLToPath(new URL('./clickhouse_http.py', import.meta.url));
const START_TIMEOUT_MS = 60_000;

/** The Python that has the engine, fetched first where it is missing. */
function python(): string {
  const { status, stdout } = spawnSync('bash', [SCRIPT], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error('ClickHouse cannot be fetched');
  return stdout.trim();
}

export interface ServerOptions {
  readonly user?: string;
  readonly password?: string;
}

/** The real engine behind an HTTP interface, with a directory of its own. */
export class ClickHouseServer implements AsyncDisposable {
  readonly url: string;
  readonly #port: number;
  readonly #options: ServerOptions;
  readonly #python = python();
  readonly #folder = mkdtempSync(join(tmpdir(), 'weir-clickhouse-'));
  #process: ChildProcess | undefined;

  private constructor(port: number, options: ServerOptions) {
    this.#port = port;
    this.#options = options;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(options: ServerOptions = {}): Promise<ClickHouseServer> {
    const server = new ClickHouseServer(await freePort(), options);
    try {
      await server.run();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it, the first time or again, with the data that is there. */
  async run(): Promise<void> {
    const { user = 'default', password = '' } = this.#options;
    const args = [FRONT, this.#folder, String(this.#port), user, password];
    const child = spawn(this.#python, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    const listening = once(child.stdout, 'data', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    await Promise.race([
      listening,
      once(child, 'exit').then(([code]) => {
        throw new Error(`ClickHouse ended with ${code}`);
      }),
    ]);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
