import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Timer } from '../../clock.ts';
import { type Infer, list, struct } from '../../config/fields.ts';
import { fileFault } from '../../file-fault.ts';
import { compileGlob } from '../../glob.ts';
import { prometheusDuration, text } from '../fields.ts';
import { emptyGroups, readJsonGroups, readYamlGroups } from './read-groups.ts';
import type { Discoverer, DiscoveryEnvironment, TargetGroup } from './target-group.ts';

const FILE_NAME = /^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/;
/** One change of a file is several events; they are waited for. */
const SETTLE_MS = 100;
/** Some hundred thousand targets with labels; a larger file is not one of targets. */
const MAX_FILE = 64 * 1024 * 1024;

export const fileSdConfig = struct(
  'file.SDConfig',
  'Targets in files, which are read again when they change.',
  {
    files: list('Paths, whose last part may have `*`; they end in .json, .yml or .yaml.', text('A path.')),
    refresh_interval: prometheusDuration('The files are read again after this time, changed or not.', '5m'),
  },
  {
    validate(value, path, report) {
      if (value.files.length === 0) {
        report(path, 'file service discovery config must contain at least one path name');
      }
      for (const name of value.files) {
        if (!FILE_NAME.test(name)) report(path, `path name ${JSON.stringify(name)} is not valid for file discovery`);
      }
      if (value.refresh_interval <= 0) report(path, 'refresh_interval must be greater than 0');
    },
  },
);
export type FileSdConfig = Infer<typeof fileSdConfig>;

/** Reads files of target groups; each place in the list of a file is a source. A broken file keeps what it said. */
export class FileDiscoverer implements Discoverer {
  readonly #config: FileSdConfig;
  readonly #environment: DiscoveryEnvironment;
  /** How many groups each file had. */
  #known: ReadonlyMap<string, number> = new Map();
  /** Why a file could not be read, so that it is said once. */
  readonly #faults = new Map<string, string>();
  #watchers: FSWatcher[] = [];
  #ticker: Timer | undefined;
  #settling: Timer | undefined;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(config: FileSdConfig, environment: DiscoveryEnvironment) {
    this.#config = config;
    this.#environment = environment;
  }

  run(update: (groups: readonly TargetGroup[]) => void): Promise<void> {
    const { clock } = this.#environment;
    const read = (): Promise<void> => {
      this.#reading = this.#reading.then(() => this.#refresh(update));
      return this.#reading;
    };
    const changed = (): void => {
      this.#settling ??= clock.after(SETTLE_MS, () => {
        this.#settling = undefined;
        void read();
      });
    };
    this.#ticker = clock.every(this.#config.refresh_interval, () => {
      // a directory that was made anew needs a new watch
      this.#watch(changed);
      void read();
    });
    this.#watch(changed);
    return read();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ticker?.cancel();
    this.#settling?.cancel();
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    await this.#reading;
  }

  #watch(changed: () => void): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    if (this.#closed) return;
    for (const directory of new Set(this.#config.files.map((file) => dirname(file)))) {
      try {
        const watcher = watch(directory, { persistent: false }, changed);
        // without a watch there is still the interval
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch (error) {
        this.#report(directory, fileFault(directory, error));
      }
    }
  }

  async #refresh(update: (groups: readonly TargetGroup[]) => void): Promise<void> {
    if (this.#closed) return;
    const known = new Map<string, number>();
    const found: TargetGroup[] = [];
    for (const file of await this.#list()) {
      try {
        const groups = await readGroups(file);
        found.push(...groups);
        known.set(file, groups.length);
        if (this.#faults.delete(file)) this.#environment.logger.info('The file can be read again', { path: file });
      } catch (error) {
        known.set(file, this.#known.get(file) ?? 0);
        this.#report(file, (error as Error).message);
      }
    }
    for (const [file, count] of this.#known) found.push(...emptyGroups(file, known.get(file) ?? 0, count));
    this.#known = known;
    for (const path of this.#faults.keys()) {
      if (FILE_NAME.test(path) && !known.has(path)) this.#faults.delete(path);
    }
    if (!this.#closed && found.length > 0) update(found);
  }

  #report(path: string, fault: string): void {
    if (this.#faults.get(path) === fault) return;
    this.#faults.set(path, fault);
    this.#environment.logger.error('Error reading file, its last targets stay', { path, error: fault });
  }

  async #list(): Promise<readonly string[]> {
    const lists = await Promise.all(this.#config.files.map((pattern) => expand(pattern)));
    return [...new Set(lists.flat())];
  }
}

/** The files that match a pattern, in order; a path without `*`, `?` or `[` only where it is there. */
async function expand(pattern: string): Promise<readonly string[]> {
  const directory = dirname(pattern);
  const name = pattern.slice(pattern.lastIndexOf('/') + 1);
  // braces are nothing special in file names of Go's patterns
  const matches = compileGlob(name.replace(/[{}]/g, '\\$&').replace(/\*+/g, '*').replaceAll('[^', '[!'), '/');
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch {
    return [];
  }
  const prefix = pattern.slice(0, pattern.length - name.length);
  return names
    .filter(matches)
    .sort()
    .map((file) => (prefix === '' ? file : join(prefix, file)));
}

async function readGroups(file: string): Promise<TargetGroup[]> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(fileFault(file, error));
  }
  if (content.length > MAX_FILE) throw new Error('the file is too large');
  const extra = { __meta_filepath: file };
  return /\.json$/i.test(file) ? readJsonGroups(content, file, extra) : readYamlGroups(content, file, extra);
}
