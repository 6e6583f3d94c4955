import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileFault } from '../../core/file-fault.ts';
import { joinKey, splitKey } from '../../core/stream/key.ts';
import { type Baseline, unpackBaselines } from './baseline.ts';
import type { Series } from './partition.ts';

/** A million series are about 150 MB; a file beyond this was made by mistake. */
const LARGEST_FILE = 512 << 20;
const VERSION = 1;

/** What was known of a series before it came. */
export interface Known {
  readonly baseline: Baseline | undefined;
  readonly seasons: readonly Baseline[];
}

/** One line of a file: `{"key": ["api", "latency"], "mean": 12.5, "variance": 3, "samples": 100, "seasons": […]}`. */
interface Entry extends Partial<Baseline> {
  readonly key: readonly string[];
  readonly seasons?: readonly Baseline[];
}

/** Baselines of a file: `{"version": 1, "baselines": [entry, …]}`. */
export class Baselines {
  readonly #known = new Map<string, Known>();

  of(key: string): Known | undefined {
    return this.#known.get(key);
  }

  get size(): number {
    return this.#known.size;
  }

  /** @throws Error that names the file and what is wrong in it */
  read(path: string): void {
    const text = readText(path);
    let document: { readonly version?: unknown; readonly baselines?: unknown };
    try {
      document = JSON.parse(text);
    } catch (error) {
      throw new Error(`${path}: ${(error as Error).message}`);
    }
    if (document?.version !== VERSION || !Array.isArray(document.baselines)) {
      throw new Error(`${path}: expected {"version": ${VERSION}, "baselines": [...]}`);
    }
    for (const [i, entry] of (document.baselines as Entry[]).entries()) {
      const fault = faultOf(entry);
      if (fault !== undefined) throw new Error(`${path}: baselines[${i}]: ${fault}`);
      const { key, mean, variance, samples = 1, seasons = [] } = entry;
      const baseline = mean === undefined || variance === undefined ? undefined : { mean, variance, samples };
      this.#known.set(joinKey(key), { baseline, seasons });
    }
  }
}

/** Replaces the file at once, so that whoever reads it sees the one or the other. */
export function writeBaselines(path: string, series: Iterable<Series>): void {
  const lines = Array.from(series, ({ key, baselines }) => {
    const [baseline, ...seasons] = unpackBaselines(baselines);
    return { key: splitKey(key), ...baseline, ...(seasons.length > 0 ? { seasons } : {}) };
  });
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${JSON.stringify({ version: VERSION, baselines: lines })}\n`);
  renameSync(temporary, path);
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > LARGEST_FILE) throw new Error(`${path}: ${size} bytes, at most ${LARGEST_FILE} are read`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(fileFault(path, error));
  }
}

function faultOf(entry: Entry): string | undefined {
  if (!Array.isArray(entry?.key) || !entry.key.every((part) => typeof part === 'string')) {
    return 'key must be a list of strings';
  }
  const { mean, variance, samples, seasons } = entry;
  for (const [name, value] of Object.entries({ mean, variance, samples })) {
    if (value !== undefined && !Number.isFinite(value)) return `${name} must be a number`;
  }
  const numbers = (one: Baseline | null) => [one?.mean, one?.variance, one?.samples].every(Number.isFinite);
  if (seasons !== undefined && !(Array.isArray(seasons) && seasons.every(numbers))) {
    return 'seasons must be a list of {"mean", "variance", "samples"}';
  }
  return undefined;
}
