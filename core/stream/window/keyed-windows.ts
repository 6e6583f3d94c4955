import type { StateReader, StateWriter } from '../codec.ts';
import { compactKey } from '../key.ts';
import { groupOf, KeyedState } from '../keyed-state.ts';
import type { Partition, PartitionState } from '../partition-runner.ts';
import { AlignedWindows } from './aligned-windows.ts';
import { SessionWindows } from './session-windows.ts';
import type { Aggregation, Slice, Windowing, WindowKey, Windows } from './windowing.ts';

/** Of the entries that this file writes. */
export const WINDOWS_VERSION = 1;
/** The attribute of what is sent of a window that has not ended, when the process ends. */
export const INCOMPLETE = 'window.incomplete';
/** The entry of a snapshot that says which windows and keys it is about. */
const SHAPE = 'shape';

/** A key and what results say about it. */
export interface NamedKey<A> extends WindowKey<A> {
  /** What was put in with the first event of the key: the connector's own. */
  readonly label: string;
}

export interface KeyedWindowsOptions<A, I> {
  readonly windowing: Windowing;
  readonly aggregation: Aggregation<A, I>;
  /** What keys are made of: state that was kept with other keys or windows is of no use. */
  readonly fields: readonly string[];
  /** Keys beyond it are not taken. */
  readonly maxKeys: number;
  /** While windows have more than this nothing is taken: windows that end give room. */
  readonly maxBytes: number;
  /** `late`: the window had fired before; `incomplete`: it has not ended, and is given up. */
  readonly fire: (key: NamedKey<A>, start: number, end: number, value: A, late: boolean, incomplete: boolean) => void;
}

/** What became of an event. */
export type Verdict = 'taken' | 'late' | 'too many keys' | 'too much state';

/** The windows of all keys in one partition. */
export class KeyedWindows<A, I> implements PartitionState {
  readonly #partition: Partition;
  readonly #options: KeyedWindowsOptions<A, I>;
  readonly #keys = new KeyedState<NamedKey<A>>();
  readonly #windows: Windows<A, I, NamedKey<A>>;
  readonly #shape: string;
  #finishing = false;

  constructor(partition: Partition, options: KeyedWindowsOptions<A, I>) {
    this.#partition = partition;
    this.#options = options;
    const { windowing, aggregation, fields } = options;
    this.#shape = JSON.stringify([windowing, fields]);
    const callbacks = {
      aggregation,
      fire: (key: NamedKey<A>, start: number, end: number, value: A, late: boolean) => {
        options.fire(key, start, end, value, late, this.#finishing && end - 1 > this.#partition.clock.watermark);
      },
      shrunk: (key: NamedKey<A>) => {
        if (key.slices.length === 0) this.#keys.delete(key);
        else this.#keys.touch(key);
      },
    };
    if (windowing.type === 'session') this.#windows = new SessionWindows({ ...windowing, ...callbacks });
    else {
      const slide = windowing.type === 'sliding' ? windowing.slide : windowing.size;
      this.#windows = new AlignedWindows({ ...windowing, slide, ...callbacks });
    }
  }

  get keys(): number {
    return this.#keys.size;
  }

  /** The keys with their windows. */
  values(): IterableIterator<NamedKey<A>> {
    return this.#keys.values();
  }

  get open(): number {
    return this.#windows.open;
  }

  /** Memory of what is in windows, about. */
  get bytes(): number {
    return this.#windows.bytes;
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
    const entries = this.#keys.snapshot(which, (key, to) => this.#encode(key, to));
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
      const decoded = this.#decode(key, group, from);
      this.#windows.restore(decoded, clock.watermark);
      return decoded;
    });
  }

  #add(name: string, time: number, item: I, label: string): Verdict {
    const { watermark } = this.#partition.clock;
    if (this.#windows.bytes >= this.#options.maxBytes) return 'too much state';
    const known = this.#keys.get(name);
    if (known !== undefined) {
      if (!this.#windows.add(known, time, item, watermark)) return 'late';
      this.#keys.touch(known);
      return 'taken';
    }
    if (this.#keys.size >= this.#options.maxKeys) return 'too many keys';
    const key: NamedKey<A> = { key: compactKey(name), group: groupOf(name), label, slices: [] };
    if (!this.#windows.add(key, time, item, watermark)) return 'late';
    if (key.slices.length > 0) this.#keys.add(key);
    return 'taken';
  }

  #encode({ label, slices }: NamedKey<A>, to: StateWriter): void {
    to.text(label).uint32(slices.length);
    for (const { start, end, value } of slices) {
      to.double(start).double(end);
      this.#options.aggregation.encode(value, to);
    }
  }

  #decode(key: string, group: number, from: StateReader): NamedKey<A> {
    const label = from.text();
    const slices: Slice<A>[] = [];
    for (let left = from.uint32(); left > 0; left--) {
      slices.push({ start: from.double(), end: from.double(), value: this.#options.aggregation.decode(from) });
    }
    return { key, group, label, slices };
  }
}
