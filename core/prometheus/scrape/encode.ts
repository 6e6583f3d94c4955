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
/**
 * A page that comes to more goes on in several batches, so that its first part is on its way, and its memory free
 * again, before the rest is made. Receivers of OTLP take requests of 4 MiB at most unless they are told otherwise.
 */
const LARGEST_BATCH = 2 << 20;

export interface EncodeOptions {
  /** Version of the scope of what comes without one. */
  readonly version: string;
  /** Takes the unit and `_total` off the names. */
  readonly trimSuffixes: boolean;
  readonly resourceAttributes: (resource: ResourceKey) => ReadonlyMap<string, string>;
}

/** The writer of all scrapes: it is empty whenever a batch is handed over. */
const writer = new Writer();

/**
 * What the transaction found, in batches; none where it has no points. Each is made when it is asked for, so nothing
 * may be scraped into the groups before the last one.
 */
export function encodeTransaction(
  transaction: Transaction,
  groups: Groups,
  options: EncodeOptions,
  context: RequestContext = EMPTY_CONTEXT,
): Generator<Telemetry, void, void> {
  return new Encoder(transaction, groups, options, context).encode();
}

class Encoder {
  readonly #transaction: Transaction;
  readonly #options: EncodeOptions;
  readonly #points: PointWriter;
  readonly #context: RequestContext;
  #ranges: ByteRange[] = [];
  #bytes = 0;
  #items = 0;
  /** Opens what is open again in a new piece. */
  #reopenScope: () => void = () => {};

  constructor(transaction: Transaction, groups: Groups, options: EncodeOptions, context: RequestContext) {
    this.#transaction = transaction;
    this.#options = options;
    this.#context = context;
    this.#points = new PointWriter(writer, groups);
  }

  *encode(): Generator<Telemetry, void, void> {
    writer.clear();
    for (const resource of this.#transaction.resources.keys()) yield* this.#resource(resource);
    this.#cut();
    if (this.#items > 0) yield this.#batch();
  }

  #batch(): Telemetry {
    const batch = new Telemetry('metrics', this.#ranges, this.#items, this.#context);
    this.#ranges = [];
    this.#bytes = 0;
    this.#items = 0;
    return batch;
  }

  *#resource(resource: ResourceKey): Generator<Telemetry, void, void> {
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
    for (const [scope, families] of scopes) yield* this.#scope(resource, scope, families.all(), open);
    writer.close();
    if (this.#items === before) writer.truncate(start);
  }

  *#scope(
    resource: ResourceKey,
    scope: ScopeKey,
    families: Iterable<Family>,
    openResource: () => void,
  ): Generator<Telemetry, void, void> {
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
    for (const family of families) yield* this.#family(family);
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

  *#family(family: Family): Generator<Telemetry, void, void> {
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
      yield* this.#cutWithin();
      start = writer.length;
      written = 0;
      this.#openMetric(head, type, family);
    }
    writer.close();
    writer.close();
    if (written === 0) writer.truncate(start);
    else if (writer.length >= PIECE) yield* this.#cutWithin();
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
  *#cutWithin(): Generator<Telemetry, void, void> {
    writer.close();
    writer.close();
    this.#cut();
    if (this.#bytes >= LARGEST_BATCH) yield this.#batch();
    this.#reopenScope();
  }

  #cut(): void {
    if (writer.length === 0) return;
    this.#bytes += writer.length;
    this.#ranges.push(writer.finish());
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
