import { compactKey } from '../key.ts';
import { groupOf, KeyedState } from '../keyed-state.ts';
import type { Partition, PartitionState } from '../partition-runner.ts';
import { AlignedWindows } from './aligned-windows.ts';
import { SessionWindows } from './session-windows.ts';
import { NONE, Slices, type WindowKey } from './slices.ts';
import type { Aggregation, Windowing, Windows } from './windowing.ts';

/** Of the entries that this file writes. */
export const WINDOWS_VERSION = 1;
/** The attribute of what is sent of a window that has not ended, when the process ends. */
export const INCOMPLETE = 'window.incomplete';
/** The entry of a snapshot that says which windows and keys it is about. */
const SHAPE = 'shape';

/** A key and what results say about it. */
export interface NamedKey extends WindowKey {
  /** What was put in with the first event of the key: the connector's own. */
  readonly label: string;
}

export interface KeyedWindowsOptions<I> {
  readonly windowing: Windowing;
  readonly aggregation: Aggregation<I>;
  /** What keys are made of: state that was kept with other keys or windows is of no use. */
  readonly fields: readonly string[];
  /** Keys beyond it are not taken. */
  readonly maxKeys: number;
  /** While windows have more than this nothing is taken: windows that end give room. */
  readonly maxBytes: number;
  /** `row`, `late`: see Fire; `incomplete`: the window has not ended, and is given up. */
  readonly fire: (key: NamedKey, start: number, end: number, row: number, late: boolean, incomplete: boolean) => void;
}

/** What became of an event. */
export type Verdict = 'taken' | 'late' | 'too many keys' | 'too much state';

/** The windows of all keys in one partition. */
export class KeyedWindows<I> implements PartitionState {
  readonly #partition: Partition;
  readonly #options: KeyedWindowsOptions<I>;
  readonly #keys = new KeyedState<NamedKey>();
  readonly #slices: Slices<I>;
  readonly #windows: Windows<I, NamedKey>;
  readonly #shape: string;
  #finishing = false;

  constructor(partition: Partition, options: KeyedWindowsOptions<I>) {
    this.#partition = partition;
    this.#options = options;
    const { windowing, aggregation, fields } = options;
    this.#shape = JSON.stringify([windowing, fields]);
    this.#slices = new Slices(aggregation);
    const common = {
      slices: this.#slices,
      fire: (key: NamedKey, start: number, end: number, row: number, late: boolean) => {
        options.fire(key, start, end, row, late, this.#finishing && end - 1 > this.#partition.clock.watermark);
      },
      shrunk: (key: NamedKey) => {
        if (key.newest === NONE) this.#keys.delete(key);
        else this.#keys.touch(key);
      },
    };
    if (windowing.type === 'session') this.#windows = new SessionWindows({ ...windowing, ...common });
    else {
      const slide = windowing.type === 'sliding' ? windowing.slide : windowing.size;
      this.#windows = new AlignedWindows({ ...windowing, slide, ...common });
    }
  }

  get keys(): number {
    return this.#keys.size;
  }

  get open(): number {
    return this.#windows.open;
  }

  /** Memory of what is in windows, about. */
  get bytes(): number {
    return this.#slices.bytes;
  }

  /** Adds an event and, unless the source gives marks itself, lets event time go on to it. */
  add(key: string, time: number, item: I, source: string | undefined, label: string): Verdict {
    const { clock } = this.#partition;
    const verdict = this.#add(key, time, item, label);
    if (source !== undefined && clock.observe(source, time)) this.advance(clock.watermark);
    return verdict;
  }

  advance(watermark: number): void {
    this.#windows.advance(watermark);
  }

  finish(): void {
    this.#finishing = true;
    this.#windows.advance(Number.POSITIVE_INFINITY);
    this.#finishing = false;
  }

  snapshot(which: 'all' | 'changed'): Map<string, Buffer | undefined> {
    const entries = this.#keys.snapshot(which, (key, to) => this.#slices.encode(key, to.text(key.label)));
    return which === 'all' ? entries.set(SHAPE, Buffer.from(this.#shape)) : entries;
  }

  restore(entries: ReadonlyMap<string, Buffer>, version: number): void {
    if (version !== WINDOWS_VERSION) throw new Error(`windows of version ${version} cannot be read`);
    const { name, logger, clock } = this.#partition;
    const shape = entries.get(SHAPE)?.toString();
    if (shape !== undefined && shape !== this.#shape) {
      logger.warn('Windows or keys are configured otherwise than before: what was kept does not count', {
        partition: name,
      });
      return;
    }
    this.#keys.restore(entries, (key, group, from) => {
      const named: NamedKey = { key, group, label: from.text(), newest: NONE };
      this.#slices.decode(named, from);
      this.#windows.restore(named, clock.watermark);
      return named;
    });
  }

  #add(name: string, time: number, item: I, label: string): Verdict {
    const { watermark } = this.#partition.clock;
    if (this.#slices.bytes >= this.#options.maxBytes) return 'too much state';
    const known = this.#keys.get(name);
    if (known !== undefined) {
      if (!this.#windows.add(known, time, item, watermark)) return 'late';
      this.#keys.touch(known);
      return 'taken';
    }
    if (this.#keys.size >= this.#options.maxKeys) return 'too many keys';
    const key: NamedKey = { key: compactKey(name), group: groupOf(name), label, newest: NONE };
    if (!this.#windows.add(key, time, item, watermark)) return 'late';
    if (key.newest !== NONE) this.#keys.add(key);
    return 'taken';
  }
}
