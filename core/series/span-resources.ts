import { AttributeList, attributesIn } from '../otlp/build/attribute-list.ts';
import { damaged, type StateReader, StateWriter } from '../stream/codec.ts';
import type { KeyWriter } from './key-writer.ts';
import type { KnownResource } from './known-resources.ts';
import { decodeAttributes, type HistogramLayout } from './series-description.ts';
import { type SeriesRoom, SeriesSet } from './series-set.ts';

/** New resources are counted as one without attributes where there is no room for their series. */
const REST = { identity: '', copied: Buffer.alloc(0) } as const;

/** The series of the spans of one resource. */
export interface ResourceSeries {
  /** The same for all spans of the resource, whatever the order of its attributes. */
  readonly identity: string;
  /** Of the first resource with this identity, for the output. */
  readonly attributes: Buffer;
  readonly calls: SeriesSet;
  /** The same as `calls` where no metric has dimensions of its own. */
  readonly durations: SeriesSet;
  readonly events: SeriesSet;
  /** To be set by what changes the series, for snapshots. */
  changed: boolean;
}

export interface SpanResourcesOptions {
  /** The most resources. */
  readonly most: number;
  /** The most series of a resource and metric; 0 is no limit. */
  readonly limit: number;
  /** After a flush, exemplars are forgotten. */
  readonly exemplars: boolean;
  /** Milliseconds without spans, after which a series is forgotten; 0: never. */
  readonly seriesExpiration: number;
  /** … and a resource leaves. */
  readonly resourceExpiration: number;
  /** Calls and durations have the same series. */
  readonly shared: boolean;
  /** Undefined where no durations are counted. */
  readonly layout: HistogramLayout | undefined;
  /** Of the kind that series are found with. */
  readonly keys: KeyWriter;
  /** Shared with the resources of other partitions. */
  readonly room: SeriesRoom;
}

interface ResourceEntry extends ResourceSeries {
  /** Tells it from the others of the partition, in snapshots too. */
  readonly id: number;
  /** Milliseconds since the Unix epoch. */
  lastSeen: number;
}

/**
 * The resources that spans came from lately, of one partition. One that has to make room, or has
 * expired, is sent once more, and comes back if a span of it arrives before that.
 */
export class SpanResources {
  readonly #options: SpanResourcesOptions;
  /** What all of them have as attributes beside their own; these win. */
  readonly #label: Buffer;
  /** In the order of their use, the latest last. */
  readonly #current = new Map<string, ResourceEntry>();
  readonly #leaving = new Map<string, ResourceEntry>();
  /** Those of the entries. Where snapshots are kept names may stay for ever, so the lowest that is free is given. */
  readonly #ids = new Set<number>();
  /** None below it is free. */
  #lowestId = 0;
  /** Those in the last snapshot. */
  #kept = new Set<number>();

  constructor(options: SpanResourcesOptions, label: Buffer) {
    this.#options = options;
    this.#label = label;
  }

  /** Those in use, the least lately used first, then those that leave. */
  *[Symbol.iterator](): Generator<ResourceEntry> {
    yield* this.#current.values();
    yield* this.#leaving.values();
  }

  get isEmpty(): boolean {
    return this.#current.size === 0 && this.#leaving.size === 0;
  }

  at(resource: KnownResource, now: number): ResourceSeries {
    const entry = this.#entryOf(resource);
    entry.lastSeen = now;
    entry.changed = true;
    return entry;
  }

  clear(): void {
    for (const entry of this) this.#release(entry);
    this.#current.clear();
    this.#leaving.clear();
  }

  /** After a flush: those that left are forgotten, and what is too old leaves or goes. */
  afterFlush(now: number): void {
    for (const entry of this.#leaving.values()) this.#release(entry);
    this.#leaving.clear();
    const { exemplars, seriesExpiration, resourceExpiration } = this.#options;
    if (!exemplars && seriesExpiration === 0 && resourceExpiration === 0) return;
    for (const entry of [...this.#current.values()]) {
      for (const set of setsOf(entry)) {
        if (exemplars && set.clearExemplars()) entry.changed = true;
        if (seriesExpiration > 0 && set.expire(now - seriesExpiration)) entry.changed = true;
      }
      if (resourceExpiration > 0 && now - entry.lastSeen >= resourceExpiration) this.#leave(entry);
    }
  }

  /** Entries of a snapshot: all, or those that changed since the last one. Undefined: is gone. */
  snapshot(which: 'all' | 'changed'): Map<string, Buffer | undefined> {
    const entries = new Map<string, Buffer | undefined>();
    const kept = new Set<number>();
    for (const entry of this) {
      kept.add(entry.id);
      if (which === 'changed' && !entry.changed) continue;
      entry.changed = false;
      entries.set(nameOf(entry.id), encode(entry));
    }
    for (const id of this.#kept) if (which === 'changed' && !kept.has(id)) entries.set(nameOf(id), undefined);
    this.#kept = kept;
    return entries;
  }

  /** Which there are, and their order. */
  encodeOrder(to: StateWriter): void {
    for (const entries of [this.#current, this.#leaving]) {
      to.uint32(entries.size);
      for (const { id } of entries.values()) to.uint32(id);
    }
  }

  /** `order`: what `encodeOrder` wrote. Throws where the entries cannot be read. */
  restore(order: StateReader, read: (entry: string) => StateReader): void {
    for (const entries of [this.#current, this.#leaving]) {
      for (let left = order.uint32(); left > 0; left--) {
        const id = order.uint32();
        const from = read(nameOf(id));
        const entry = this.#create(from.text(), decodeAttributes(from), id);
        if (this.#current.has(entry.identity) || this.#leaving.has(entry.identity))
          throw damaged('a resource is there twice');
        entries.set(entry.identity, entry);
        entry.lastSeen = from.double();
        for (const set of setsOf(entry)) set.restore(from, this.#options.keys);
        entry.changed = false;
        this.#kept.add(id);
      }
    }
  }

  #leave(entry: ResourceEntry): void {
    this.#current.delete(entry.identity);
    this.#leaving.set(entry.identity, entry);
  }

  #entryOf(resource: Pick<KnownResource, 'identity' | 'copied'>): ResourceEntry {
    const { identity } = resource;
    const known = this.#current.get(identity) ?? this.#leaving.get(identity);
    if (known === undefined && this.#options.room.left <= 0 && resource !== REST) return this.#entryOf(REST);
    const entry = known ?? this.#create(identity, labelled(resource.copied, this.#label), this.#freeId());
    // to the end: used last
    if (!this.#current.delete(identity)) this.#leaving.delete(identity);
    this.#current.set(identity, entry);
    while (this.#current.size > this.#options.most) {
      const [oldest] = this.#current.values();
      this.#leave(oldest as ResourceEntry);
    }
    return entry;
  }

  #release(entry: ResourceEntry): void {
    for (const set of setsOf(entry)) set.release();
    this.#ids.delete(entry.id);
    this.#lowestId = Math.min(this.#lowestId, entry.id);
  }

  #freeId(): number {
    while (this.#ids.has(this.#lowestId)) this.#lowestId++;
    return this.#lowestId++;
  }

  #create(identity: string, attributes: Buffer, id: number): ResourceEntry {
    const { limit, shared, layout, room } = this.#options;
    const calls = new SeriesSet(limit, shared ? layout : undefined, room);
    const durations = shared ? calls : new SeriesSet(limit, layout, room);
    const events = new SeriesSet(limit, undefined, room);
    this.#ids.add(id);
    return { id, identity, attributes, calls, durations, events, lastSeen: 0, changed: true };
  }
}

function nameOf(id: number): string {
  return `resource/${id}`;
}

function encode(entry: ResourceEntry): Buffer {
  const to = new StateWriter().text(entry.identity).bytes(entry.attributes).double(entry.lastSeen);
  for (const set of setsOf(entry)) set.encode(to);
  return to.finish();
}

/** Where calls and durations have the same dimensions, they are one set. */
function setsOf({ calls, durations, events }: ResourceSeries): ReadonlySet<SeriesSet> {
  return new Set([calls, durations, events]);
}

/** A list of attributes with those of another, which win. */
function labelled(attributes: Buffer, label: Buffer): Buffer {
  if (label.length === 0) return attributes;
  const list = new AttributeList();
  for (const part of [attributesIn(attributes), attributesIn(label)]) {
    while (part.next()) {
      const { buffer, keyStart, keyEnd, valueStart, valueEnd } = part;
      list.put(buffer.subarray(keyStart, keyEnd), buffer.subarray(valueStart, valueEnd));
    }
  }
  return list.encode();
}
