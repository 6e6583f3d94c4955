import { attributesIn, copyAttributes } from '../otlp/build/attribute-list.ts';
import { Attributes } from '../otlp/readers/attributes.ts';
import type { Groups } from '../otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES } from '../otlp/readers/scope.ts';
import { ValueReader, ValueType, valueText } from '../otlp/value.ts';
import type { AttributeLookup } from './attribute-lookup.ts';
import { KeyRows } from './key-rows.ts';
import { KeyWriter } from './key-writer.ts';

const SERVICE_NAME = Buffer.from('service.name');

/** Resources that are recognised by their bytes; beyond that all are looked at anew. */
const MOST_KNOWN = 4096;
const MOST_KNOWN_BYTES = 16 << 20;

/** A resource message as it was received. */
export interface KnownResource {
  /** The same for all messages that mean the same, whatever the order of attributes. */
  readonly identity: string;
  /** Its attributes as `MetricsBuilder` takes them. */
  readonly copied: Buffer;
  readonly attributes: Attributes;
  readonly lookup: AttributeLookup;
  /** Whether it has a `service.name`. */
  readonly named: boolean;
  /** UTF-8; empty where it is not a string. */
  readonly serviceName: Buffer;
}

export interface KnownResourcesOptions {
  /** Any 32 bits, see KeyWriter. */
  readonly seed: number;
  /** Only these attributes tell resources apart. Empty: all. */
  readonly keyAttributes: readonly string[];
  /** Makes a lookup of what is asked for of each resource. */
  readonly lookup: () => AttributeLookup;
}

/** Recognises resources by their bytes, so that they are looked at once. */
export class KnownResources {
  readonly #options: KnownResourcesOptions;
  readonly #keys: KeyWriter;
  readonly #rows = new KeyRows();
  /** By the rows of their keys. */
  readonly #known: KnownResource[] = [];
  #bytes = 0;
  readonly #attributes = new Attributes();

  constructor(options: KnownResourcesOptions) {
    this.#options = options;
    this.#keys = new KeyWriter(options.seed);
  }

  /** The resource that the walk is at. */
  at({ buffer, resourceStart, resourceEnd }: Groups): KnownResource {
    const keys = this.#keys;
    keys.begin();
    keys.copy(buffer, resourceStart, resourceEnd);
    keys.finish();
    return this.#known[this.#rows.find(keys)] ?? this.#add(buffer, resourceStart, resourceEnd);
  }

  #add(buffer: Buffer, start: number, end: number): KnownResource {
    const size = end - start;
    if (this.#known.length >= MOST_KNOWN || this.#bytes + size > MOST_KNOWN_BYTES) {
      this.#rows.clear();
      this.#known.length = 0;
      this.#bytes = 0;
    }
    const copied = copyAttributes(this.#attributes.set(buffer, start, end, RESOURCE_ATTRIBUTES));
    const attributes = attributesIn(copied);
    const resource: KnownResource = {
      identity: identityOf(attributes, this.#options.keyAttributes),
      copied,
      attributes,
      lookup: this.#options.lookup().scan(attributes),
      named: attributes.find(SERVICE_NAME),
      serviceName: textOf(attributes),
    };
    this.#known[this.#rows.add(this.#keys)] = resource;
    this.#bytes += size;
    return resource;
  }
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
