import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';

/**
 * A real service that a script beside this file runs, as a child process with a folder of its own; both end with the
 * scope: `await using prometheus = await Service.start('prometheus')`.
 */
export class Service implements AsyncDisposable {
  readonly port: number;
  readonly #script: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #folder: string;
  #daemon: Daemon | undefined;

  private constructor(name: string, port: number, env: Readonly<Record<string, string>>) {
    this.port = port;
    this.#script = fileURLToPath(new URL(`./${name}.sh`, import.meta.url));
    this.#folder = mkdtempSync(join(tmpdir(), `weir-${name}-`));
    this.#env = { ...env, PORT: String(port), DATA_DIR: this.#folder };
  }

  /** Installs it where it is missing, resolves when it listens; `env` is what its script takes. Any port by default. */
  static async start(name: string, env: Readonly<Record<string, string>> = {}, port?: number): Promise<Service> {
    const service = new Service(name, port ?? (await freePort()), env);
    try {
      const { status } = spawnSync('bash', [service.#script, 'install'], { stdio: ['ignore', 'ignore', 'inherit'] });
      if (status !== 0) throw new Error(`${name} cannot be installed`);
      await service.restart();
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
    return service;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends it as it would end by itself, or at once; what it has on disk stays. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const process = this.#daemon?.process;
    this.#daemon = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const ended = once(process, 'exit');
    process.kill(signal);
    await ended;
  }

  /** Starts it again, on the same port and with the data it had. */
  async restart(): Promise<void> {
    this.#daemon = new Daemon({ command: ['bash', this.#script], args: ['run'], env: this.#env });
    await this.#daemon.listening(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
