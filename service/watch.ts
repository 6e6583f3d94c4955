import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '../core/clock.ts';

/** How often files are looked at; a change is taken up when two looks in a row see the same, so after 2 s at most. */
const INTERVAL_MS = 1000;

/**
 * Looks at the files of a configuration and tells when their content is another. Reading them again and again is
 * simpler than notices of the system and works where those do not: mounted volumes, ConfigMaps (which are replaced by
 * a symbolic link), editors that write a new file. A file that cannot be read is being replaced: nothing changed yet.
 */
export class FileWatch {
  readonly #clock: Clock;
  readonly #loaded: () => ReadonlyMap<string, string>;
  readonly #onChange: () => void;
  /** By path: the content that somebody was told of last. */
  readonly #known = new Map<string, string>();
  /** By path: what the last look found where it was something new. */
  #found: ReadonlyMap<string, string> = new Map();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;

  /** `loaded` gives the files that were read so far, with the content they had. */
  constructor(clock: Clock, loaded: () => ReadonlyMap<string, string>, onChange: () => void) {
    this.#clock = clock;
    this.#loaded = loaded;
    this.#onChange = onChange;
  }

  start(): void {
    this.#timer = this.#clock.every(INTERVAL_MS, () => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Resolves when the look that is under way is over. */
  async looked(): Promise<void> {
    await this.#looking;
  }

  async #look(): Promise<void> {
    for (const [path, text] of this.#loaded()) if (!this.#known.has(path)) this.#known.set(path, text);
    const found = new Map<string, string>();
    for (const [path, known] of this.#known) {
      const text = await readFile(path, 'utf8').catch(() => known);
      if (text !== known) found.set(path, text);
    }
    const settled = [...found].every(([path, text]) => this.#found.get(path) === text);
    this.#found = found;
    if (found.size === 0 || !settled) return;
    for (const [path, text] of found) this.#known.set(path, text);
    this.#onChange();
  }
}
