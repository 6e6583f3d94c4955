import { attributesIn, copyAttributes } from '../../core/otlp/build/attribute-list.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import type { Groups } from '../../core/otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES } from '../../core/otlp/readers/scope.ts';
import { ValueReader, ValueType, valueText } from '../../core/otlp/value.ts';
import { KeyRows } from '../../core/series/key-rows.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import { type SeriesRoom, SeriesSet } from '../../core/series/series-set.ts';
import type { Config, DurationLayout } from './config.ts';
import type { Identity, ResourceView } from './dimensions.ts';
import type { ResourceSeries } from './output.ts';

const SERVICE_NAME = Buffer.from('service.name');

/** Resources that are recognised by their bytes; beyond that all are looked at anew. */
const MOST_KNOWN = 4096;
const MOST_KNOWN_BYTES = 16 << 20;

/** The most series of all resources: they may take about a gigabyte. What is beyond is counted as the rest. */
export const MOST_SERIES = 1_000_000;
/** New resources are counted as one without attributes where there is no room for their series. */
const REST = { identity: '', copied: Buffer.alloc(0) } as const;

interface ResourceEntry extends ResourceSeries {
  /** Milliseconds since the Unix epoch. */
  lastSeen: number;
}

/** A resource message as it was received. */
interface KnownResource extends ResourceView {
  readonly identity: string;
  readonly copied: Buffer;
  /** Spans of resources without `service.name` are not counted. */
  readonly named: boolean;
}

/**
 * The resources that spans came from lately, at most `resource_metrics_cache_size`. One that has to make room, or has
 * expired, is sent once more, and comes back if a span of it arrives before that.
 */
export class Resources {
  readonly #config: Config;
  readonly #identity: Identity;
  readonly #keys: KeyWriter;
  readonly #layout: DurationLayout | undefined;
  readonly #knownKeys = new KeyRows();
  /** By the rows of their keys. */
  readonly #known: KnownResource[] = [];
  #knownBytes = 0;
  readonly #attributes = new Attributes();
  /** In the order of their use, the latest last. */
  readonly #current = new Map<string, ResourceEntry>();
  readonly #leaving = new Map<string, ResourceEntry>();
  readonly #mostSeries: number;
  readonly #room: SeriesRoom;

  /** `layout`: undefined where no durations are counted. */
  constructor(config: Config, identity: Identity, layout: DurationLayout | undefined, seed: number, most: number) {
    this.#mostSeries = most;
    this.#room = { left: most };
    this.#layout = layout;
    this.#config = config;
    this.#identity = identity;
    this.#keys = new KeyWriter(seed);
  }

  /** Those in use, the least lately used first, then those that leave. */
  *[Symbol.iterator](): Generator<ResourceSeries> {
    yield* this.#current.values();
    yield* this.#leaving.values();
  }

  /** Series of all resources. */
  get series(): number {
    return this.#mostSeries - this.#room.left;
  }

  /** The entry of the resource the walk is at; undefined where its spans are not counted. */
  at(groups: Groups, now: number): ResourceSeries | undefined {
    const known = this.#recognise(groups);
    if (!known.named) return undefined;
    this.#identity.resource(known);
    const entry = this.#entryOf(known);
    entry.lastSeen = now;
    return entry;
  }

  /** After a flush: delta begins anew. */
  clear(): void {
    this.#current.clear();
    this.#leaving.clear();
    this.#room.left = this.#mostSeries;
  }

  /** After a flush: those that left are forgotten, and what is too old leaves or goes. */
  afterFlush(now: number): void {
    for (const entry of this.#leaving.values()) for (const set of setsOf(entry)) set.release();
    this.#leaving.clear();
    const { exemplars, series_expiration, metrics_expiration } = this.#config;
    if (!exemplars.enabled && series_expiration === 0 && metrics_expiration === 0) return;
    for (const entry of [...this.#current.values()]) {
      for (const set of setsOf(entry)) {
        if (exemplars.enabled) set.clearExemplars();
        if (series_expiration > 0) set.expire(now - series_expiration);
      }
      if (metrics_expiration > 0 && now - entry.lastSeen >= metrics_expiration) this.#leave(entry);
    }
  }

  #leave(entry: ResourceEntry): void {
    this.#current.delete(entry.identity);
    this.#leaving.set(entry.identity, entry);
  }

  #entryOf(resource: Pick<KnownResource, 'identity' | 'copied'>): ResourceEntry {
    const { identity, copied } = resource;
    const known = this.#current.get(identity) ?? this.#leaving.get(identity);
    if (known === undefined && this.#room.left <= 0 && resource !== REST) return this.#entryOf(REST);
    const entry = known ?? this.#create(identity, copied);
    // to the end: used last
    if (!this.#current.delete(identity)) this.#leaving.delete(identity);
    this.#current.set(identity, entry);
    if (this.#current.size > this.#config.resource_metrics_cache_size) {
      const [oldest] = this.#current.values();
      if (oldest !== undefined) this.#leave(oldest);
    }
    return entry;
  }

  #create(identity: string, attributes: Buffer): ResourceEntry {
    const limit = this.#config.aggregation_cardinality_limit;
    const { shared } = this.#identity;
    const calls = new SeriesSet(limit, shared ? this.#layout : undefined, this.#room);
    const durations = shared ? calls : new SeriesSet(limit, this.#layout, this.#room);
    const events = new SeriesSet(limit, undefined, this.#room);
    return { identity, attributes, calls, durations, events, lastSeen: 0 };
  }

  #recognise({ buffer, resourceStart, resourceEnd }: Groups): KnownResource {
    const keys = this.#keys;
    keys.begin();
    keys.copy(buffer, resourceStart, resourceEnd);
    keys.finish();
    const known = this.#known[this.#knownKeys.find(keys)];
    if (known !== undefined) return known;
    const size = resourceEnd - resourceStart;
    if (this.#known.length >= MOST_KNOWN || this.#knownBytes + size > MOST_KNOWN_BYTES) {
      this.#knownKeys.clear();
      this.#known.length = 0;
      this.#knownBytes = 0;
    }
    const copied = copyAttributes(this.#attributes.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES));
    const attributes = attributesIn(copied);
    const resource: KnownResource = {
      identity: identityOf(attributes, this.#config.resource_metrics_key_attributes),
      copied,
      attributes,
      lookup: this.#identity.lookup().scan(attributes),
      named: attributes.find(SERVICE_NAME),
      serviceName: textOf(attributes),
    };
    this.#known[this.#knownKeys.add(keys)] = resource;
    this.#knownBytes += size;
    return resource;
  }
}

/** Where calls and durations have the same dimensions, they are one set. */
function setsOf({ calls, durations, events }: ResourceSeries): ReadonlySet<SeriesSet> {
  return new Set([calls, durations, events]);
}

/** The current attribute if it is a string, else nothing. */
function textOf({ buffer, valueStart, valueEnd }: Attributes): Buffer {
  const value = new ValueReader().read(buffer, valueStart, valueEnd);
  return value.type === ValueType.STRING ? value.bytes : Buffer.alloc(0);
}

/** Names, types and values, sorted: what two resources have in common exactly if they are the same. */
function identityOf(attributes: Attributes, only: readonly string[]): string {
  const value = new ValueReader();
  const parts: [key: string, type: number, text: string][] = [];
  attributes.rewind();
  while (attributes.next()) {
    const key = attributes.key();
    if (only.length > 0 && !only.includes(key)) continue;
    const { buffer, valueStart, valueEnd } = attributes;
    const { type } = value.read(buffer, valueStart, valueEnd);
    parts.push([key, type, valueText(buffer, valueStart, valueEnd)]);
  }
  return JSON.stringify(parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
