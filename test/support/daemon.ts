import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../cmd/weir/main.ts', import.meta.url));
/** WEIR_COMMAND tests another program, such as the built package or the reference collector; weir's source if unset. */
const COMMAND = process.env.WEIR_COMMAND?.split(' ') ?? [process.execPath, MAIN];
/** Generous, because tests share the machine with whatever else runs there. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

export interface DaemonOptions {
  /** Arguments of weir, such as `['--config', file]`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program with its first arguments, where it is not the one under test. */
  readonly command?: readonly string[];
}

/** A real process of weir (or of another collector) under test. */
export class Daemon {
  readonly process: ChildProcess;
  readonly #exit: Promise<number | null>;
  #output = '';
  #ended = false;

  constructor(options: DaemonOptions) {
    const [program, ...first] = options.command ?? COMMAND;
    this.process = spawn(program!, [...first, ...options.args], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#exit = once(this.process, 'close').then(([code]) => {
      this.#ended = true;
      return code as number | null;
    });
  }

  /** What it has written so far, standard output and error together. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** Resolves with the exit status; null where a signal ended it. */
  exited(): Promise<number | null> {
    return this.#exit;
  }

  /** Resolves when something listens on each port; fails with the output when the process ends before. */
  async listening(...ports: number[]): Promise<this> {
    for (const port of ports) {
      await this.until(`port ${port} to be listening`, () => canConnect(port), START_TIMEOUT_MS);
    }
    return this;
  }

  /** Polls until `condition` holds. */
  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = START_TIMEOUT_MS): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (this.#ended) throw new Error(`the process ended while waiting for ${what}:\n${this.#output}`);
      if (performance.now() > end) throw new Error(`timed out waiting for ${what}:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** SIGTERM and the exit status; a process that does not end is killed and that is an error. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const status = await this.#exit;
    clearTimeout(timer);
    if (this.process.signalCode === 'SIGKILL') {
      throw new Error(`the process did not end ${STOP_TIMEOUT_MS} ms after SIGTERM:\n${this.#output}`);
    }
    return status;
  }
}

export function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
