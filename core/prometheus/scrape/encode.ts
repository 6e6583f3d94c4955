import {
  DataTag,
  MetricTag,
  RequestTag,
  ResourceMetricsTag,
  ResourceTag,
  ScopeMetricsTag,
  ScopeTag,
} from '../../otlp/build/metric-tags.ts';
import { Writer } from '../../otlp/edit/writer.ts';
import { Temporality } from '../../otlp/readers/metric.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../../telemetry/context.ts';
import { type ByteRange, Telemetry } from '../../telemetry/telemetry.ts';
import { encodeAttributes, stringField } from './attributes.ts';
import type { Family, FamilyType } from './family.ts';
import type { Groups } from './groups.ts';
import { PointWriter } from './point-writer.ts';
import { isEmptyScope, type ResourceKey, type ScopeKey } from './series-name.ts';
import type { Transaction } from './transaction.ts';
import { trimmedName, ucumUnit } from './units.ts';

/** The scope of what comes without one, as the collector names it. */
const SCOPE = 'github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver';
const METADATA = (12 << 3) | 2;
const SUMMARY = (11 << 3) | 2;
const SCOPE_VERSION = (2 << 3) | 2;
const SCOPE_ATTRIBUTES = (3 << 3) | 2;
const SCHEMA_URL = (3 << 3) | 2;

/**
 * A batch of one large page is made of pieces of about this size, whose memory is used again; below it everything of
 * a resource is together.
 */
const PIECE = 192 << 10;
/** A metric is divided only where it would fill more than this. */
const LARGEST_PIECE = 240 << 10;

export interface EncodeOptions {
  /** Version of the scope of what comes without one. */
  readonly version: string;
  /** Takes the unit and `_total` off the names. */
  readonly trimSuffixes: boolean;
  readonly resourceAttributes: (resource: ResourceKey) => ReadonlyMap<string, string>;
}

/** The writer of all scrapes; what a scrape found is encoded without a pause. */
const writer = new Writer();

/** What the transaction found as a batch; undefined where it has no points. */
export function encodeTransaction(
  transaction: Transaction,
  groups: Groups,
  options: EncodeOptions,
  context: RequestContext = EMPTY_CONTEXT,
): Telemetry | undefined {
  return new Encoder(transaction, groups, options).encode(context);
}

class Encoder {
  readonly #transaction: Transaction;
  readonly #options: EncodeOptions;
  readonly #points: PointWriter;
  readonly #ranges: ByteRange[] = [];
  #items = 0;
  /** Opens what is open again in a new piece. */
  #reopenScope: () => void = () => {};

  constructor(transaction: Transaction, groups: Groups, options: EncodeOptions) {
    this.#transaction = transaction;
    this.#options = options;
    this.#points = new PointWriter(writer, groups);
  }

  encode(context: RequestContext): Telemetry | undefined {
    writer.clear();
    for (const resource of this.#transaction.resources.keys()) this.#resource(resource);
    this.#cut();
    return this.#items === 0 ? undefined : new Telemetry('metrics', this.#ranges, this.#items, context);
  }

  #resource(resource: ResourceKey): void {
    const scopes = this.#transaction.resources.get(resource) ?? new Map();
    const attributes = new Map(this.#options.resourceAttributes(resource));
    for (const [name, value] of this.#transaction.resourceAttributes.get(resource) ?? []) attributes.set(name, value);
    const encoded = encodeAttributes(attributes, ResourceTag.ATTRIBUTES);
    let start = 0;
    let before = 0;
    const open = () => {
      start = writer.length;
      before = this.#items;
      writer.open(RequestTag.RESOURCE_METRICS, PIECE);
      writer.field(ResourceMetricsTag.RESOURCE, encoded);
    };
    open();
    for (const [scope, families] of scopes) this.#scope(resource, scope, families.all(), open);
    writer.close();
    if (this.#items === before) writer.truncate(start);
  }

  #scope(resource: ResourceKey, scope: ScopeKey, families: Iterable<Family>, openResource: () => void): void {
    const head = this.#scopeHead(resource, scope);
    let start = 0;
    let before = 0;
    const open = () => {
      start = writer.length;
      before = this.#items;
      writer.open(ResourceMetricsTag.SCOPE_METRICS, PIECE);
      writer.field(ScopeMetricsTag.SCOPE, head);
      if (scope.schemaUrl !== '') writer.field(SCHEMA_URL, Buffer.from(scope.schemaUrl));
    };
    this.#reopenScope = () => {
      openResource();
      open();
    };
    open();
    for (const family of families) this.#family(family);
    writer.close();
    if (this.#items === before) writer.truncate(start);
  }

  #scopeHead(resource: ResourceKey, scope: ScopeKey): Buffer {
    if (isEmptyScope(scope)) {
      return Buffer.concat([stringField(ScopeTag.NAME, SCOPE), stringField(SCOPE_VERSION, this.#options.version)]);
    }
    const described = this.#transaction.scopeAttributes.get(resource)?.get(scope);
    const attributes = scope.attributes.size > 0 ? scope.attributes : (described ?? scope.attributes);
    const texts = [
      [ScopeTag.NAME, scope.name],
      [SCOPE_VERSION, scope.version],
    ] as const;
    const fields = texts.filter(([, text]) => text !== '').map(([tag, text]) => stringField(tag, text));
    return Buffer.concat([...fields, encodeAttributes(attributes, SCOPE_ATTRIBUTES)]);
  }

  #family(family: Family): void {
    const head = this.#metricHead(family);
    const { type } = family.shape;
    let start = writer.length;
    let written = 0;
    this.#openMetric(head, type, family);
    for (const row of family.rows) {
      if (!this.#point(type, row)) continue;
      written++;
      this.#items++;
      if (writer.length < LARGEST_PIECE) continue;
      writer.close();
      writer.close();
      this.#cutWithin();
      start = writer.length;
      written = 0;
      this.#openMetric(head, type, family);
    }
    writer.close();
    writer.close();
    if (written === 0) writer.truncate(start);
    else if (writer.length >= PIECE) this.#cutWithin();
  }

  #point(type: FamilyType, row: number): boolean {
    switch (type) {
      case 'histogram':
        return this.#points.histogram(row);
      case 'summary':
        return this.#points.summary(row);
      case 'exponential':
        return this.#points.exponential(row);
      default:
        return this.#points.number(row, type === 'sum');
    }
  }

  #metricHead({ name, metadata, shape }: Family): Buffer {
    const trimmed = this.#options.trimSuffixes ? trimmedName(name, shape.type === 'sum', metadata.unit) : name;
    const texts = [
      [MetricTag.NAME, trimmed],
      [MetricTag.DESCRIPTION, metadata.help],
      [MetricTag.UNIT, ucumUnit(metadata.unit)],
    ] as const;
    const fields = texts.filter(([, text]) => text !== '').map(([tag, text]) => stringField(tag, text));
    return Buffer.concat([...fields, encodeAttributes([['prometheus.type', metadata.type]], METADATA)]);
  }

  #openMetric(head: Buffer, type: FamilyType, { metadata }: Family): void {
    writer.open(ScopeMetricsTag.METRICS, PIECE);
    writer.copy(head, 0, head.length);
    writer.open(DATA_TAGS[type], PIECE);
    if (type === 'gauge' || type === 'other' || type === 'summary') return;
    writer.varint(DataTag.TEMPORALITY);
    writer.varint(Temporality.CUMULATIVE);
    if (type === 'sum' && metadata.type === 'counter') {
      writer.varint(DataTag.MONOTONIC);
      writer.varint(1);
    }
  }

  /** Ends the piece within a resource and scope, which go on in the next one. */
  #cutWithin(): void {
    writer.close();
    writer.close();
    this.#cut();
    this.#reopenScope();
  }

  #cut(): void {
    if (writer.length > 0) this.#ranges.push(writer.finish());
  }
}

const DATA_TAGS: Readonly<Record<FamilyType, number>> = {
  gauge: MetricTag.GAUGE,
  other: MetricTag.GAUGE,
  sum: MetricTag.SUM,
  histogram: MetricTag.HISTOGRAM,
  exponential: MetricTag.EXPONENTIAL_HISTOGRAM,
  summary: SUMMARY,
};
