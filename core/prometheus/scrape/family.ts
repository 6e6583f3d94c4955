import { type Metadata, type MetadataStore, metadataOf, withoutSuffix } from './metadata.ts';

/** What a family is sent as. `other` has no form of its own and is sent as a gauge. */
export type FamilyType = 'gauge' | 'sum' | 'histogram' | 'exponential' | 'summary' | 'other';

/** What a sample is to its family. */
export const Role = { VALUE: 0, COUNT: 1, SUM: 2, CREATED: 3, BOUND: 4 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** A family as it is over many scrapes: its groups have keys that begin with `id`. */
export interface FamilyShape {
  readonly id: number;
  readonly type: FamilyType;
}

/** A family in one scrape. */
export interface Family {
  readonly shape: FamilyShape;
  readonly name: string;
  readonly metadata: Metadata;
  /** Of its groups in the order they came. */
  readonly rows: number[];
}

/** The families of one resource and scope in one scrape. */
export class FamilySet {
  readonly #families = new Map<string, Family>();
  readonly #native = new Map<string, Family>();
  readonly #metadata: MetadataStore;
  readonly #shapeOf: (name: string, type: FamilyType) => FamilyShape;

  constructor(metadata: MetadataStore, shapeOf: (name: string, type: FamilyType) => FamilyShape) {
    this.#metadata = metadata;
    this.#shapeOf = shapeOf;
  }

  *all(): Generator<Family> {
    yield* this.#families.values();
    yield* this.#native.values();
  }

  /** The family that a metric belongs to, as far as is known when it comes. */
  of(metric: string, native: boolean): Family {
    const families = native ? this.#native : this.#families;
    const known = families.get(metric) ?? this.#byBase(metric, families);
    if (known !== undefined) return known;
    const found = metadataOf(metric, this.#metadata);
    const metadata: Metadata = native ? { ...found.metadata, type: 'histogram' } : { ...found.metadata };
    // a name that something else has already is left to that
    const name = families.has(found.name) ? metric : found.name;
    const shape = this.#shapeOf(name, native ? 'exponential' : typeOf(metadata));
    const family: Family = { shape, name, metadata, rows: [] };
    families.set(name, family);
    return family;
  }

  #byBase(metric: string, families: ReadonlyMap<string, Family>): Family | undefined {
    let base = metric;
    if (this.#metadata.get(metric) === undefined) {
      base = withoutSuffix(metric);
      if (metric.endsWith('_created') && this.#metadata.get(base)?.type === 'counter') base += '_total';
    }
    const family = families.get(base);
    return family !== undefined && includes(family, metric) ? family : undefined;
  }
}

function includes({ shape, metadata, name }: Family, metric: string): boolean {
  if (shape.type === 'sum') return withoutSuffix(metric) === metadata.family;
  return shape.type === 'gauge' ? metric === name : withoutSuffix(metric) === name;
}

function typeOf({ type }: Metadata): FamilyType {
  switch (type) {
    case 'counter':
    case 'info':
    case 'stateset':
      return 'sum';
    case 'gauge':
    case 'unknown':
      return 'gauge';
    case 'gaugehistogram':
      return 'other';
    default:
      return type;
  }
}

/** What a metric's samples are to the family. */
export function roleOf(metric: string, { shape, metadata }: Family): Role {
  const isCreated = metric === `${metadata.family}_created`;
  switch (shape.type) {
    case 'histogram':
    case 'summary':
      if (metric.endsWith('_sum')) return Role.SUM;
      if (metric.endsWith('_count')) return Role.COUNT;
      return isCreated ? Role.CREATED : Role.BOUND;
    case 'sum':
    case 'exponential':
      return isCreated ? Role.CREATED : Role.VALUE;
    default:
      return Role.VALUE;
  }
}
