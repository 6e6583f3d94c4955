import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HOOK = new URL('./hosts-hook.ts', import.meta.url).href;

/** Names that a process under test finds without DNS; they may change while it runs. */
export class Hosts implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'weir-hosts-'));
  readonly #file = join(this.#folder, 'hosts.json');

  constructor(addresses: Readonly<Record<string, string>>) {
    this.set(addresses);
  }

  /** The environment of the process. */
  get env(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${HOOK}`, WEIR_TEST_HOSTS: this.#file };
  }

  /** From the next look-up on; never half of it. */
  set(addresses: Readonly<Record<string, string>>): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, JSON.stringify(addresses));
    renameSync(next, this.#file);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
