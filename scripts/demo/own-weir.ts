import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = 'configs/embedded.yaml';
const HEALTH = 'http://127.0.0.1:13133/';
/** The first start makes the store; a busy machine takes its time. */
const PATIENCE_MS = 60_000;
const POLL_MS = 100;

const HINT = `
Everything is in the store under data/. Ask it:

  npx weir query "SELECT service_name, count() FROM traces GROUP BY 1"
`;

/** Whether something takes connections there. */
export async function isListening(endpoint: string): Promise<boolean> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A weir for the time of the demo, on the embedded store. */
export class OwnWeir {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
  }

  static async start(): Promise<OwnWeir> {
    console.log(`Nothing listens yet: running weir with ${CONFIG}.`);
    const argv = ['cmd/weir/main.ts', '--config', CONFIG, '--set', 'service.telemetry.logs.level=warn'];
    const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: 'inherit' });
    const own = new OwnWeir(child);
    const end = performance.now() + PATIENCE_MS;
    while (performance.now() < end && child.exitCode === null) {
      await sleep(POLL_MS);
      try {
        if ((await fetch(HEALTH)).ok) return own;
      } catch {
        // not listening yet
      }
    }
    process.exitCode = 1;
    await own.stop();
    console.error('demo: weir did not start, see above');
    process.exit();
  }

  /** Ends it, after it has stored all that it accepted. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    await this.#ended;
    if (process.exitCode === undefined) console.log(HINT);
  }
}
