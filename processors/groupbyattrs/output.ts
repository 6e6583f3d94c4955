import { copyFieldsExcept } from '../../core/otlp/edit/copy-fields.ts';
import { MessageEditor } from '../../core/otlp/edit/message-editor.ts';
import { Writer } from '../../core/otlp/edit/writer.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { GROUP, type Groups, MEMBER } from '../../core/otlp/readers/groups.ts';
import { type MetricReader, type MetricType, POINT } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { tagOf, WireType } from '../../core/otlp/wire.ts';
import { AttributesKey } from '../../core/series/attributes-key.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import { KeyedEntries } from '../../core/series/keyed-entries.ts';

/** Stretches of bytes: the index of their buffer (0 is the writer's own), start and end, in turn. */
type Runs = number[];

interface MetricOut {
  readonly head: Buffer;
  readonly type: MetricType;
  readonly data: Buffer;
  readonly points: Runs;
}
/** Has metrics, or items of the other signals. */
export interface ScopeOut {
  readonly id: number;
  readonly scope: Buffer;
  readonly items: Runs;
  readonly metrics: MetricOut[];
}
export interface Group {
  readonly id: number;
  readonly resource: Buffer;
  readonly scopes: ScopeOut[];
}

const DROPPED_ATTRIBUTES = tagOf(2, WireType.VARINT);
const ENTITY_REFS = tagOf(3, WireType.BYTES);
/** What messages are expected to be about as long as; a wrong guess costs a move of what is in it. */
const EXPECTED_GROUP = 1 << 14;

/** A batch in the making: groups found by the attributes of their resource, scopes by name and version. */
export class Output {
  /** Where items that were changed are written, with tag and length. */
  readonly edits = new Writer();
  readonly groups: Group[] = [];
  readonly #groupTable = new KeyedEntries<Group>();
  readonly #scopeTable = new KeyedEntries<ScopeOut>();
  readonly #metricTable = new KeyedEntries<MetricOut>();
  /** Buffers of the batch that is being taken apart. */
  readonly #sources: Buffer[] = [];
  readonly #keys: KeyWriter;
  readonly #key: AttributesKey;
  readonly #attributes = new Attributes();
  readonly #scope = new ScopeReader();
  readonly #writer = new Writer();
  readonly #resource = new MessageEditor(RESOURCE_ATTRIBUTES);

  constructor(seed: number) {
    this.#keys = new KeyWriter(seed);
    this.#key = new AttributesKey(this.#keys);
  }

  /** The group whose resource has the attributes of the current one and, over them, those given. */
  group(at: Groups, keys: readonly Buffer[], values: readonly Buffer[]): Group {
    const editor = this.#resource.open(at.buffer, at.resourceStart, at.resourceEnd);
    for (const [i, key] of keys.entries()) editor.attributes.upsert(key, values[i] as Buffer);
    // what is said of the one resource need not go for others with its attributes
    editor.removeField(DROPPED_ATTRIBUTES);
    editor.removeField(ENTITY_REFS);
    editor.writeTo(this.#writer);
    const resource = this.#writer.toBuffer();
    this.#keys.begin();
    this.#key.write(this.#attributes.set(resource, 0, resource.length, RESOURCE_ATTRIBUTES));
    this.#keys.finish();
    const known = this.#groupTable.find(this.#keys);
    if (known !== undefined) return known;
    const added = this.#groupTable.add(this.#keys, { id: this.#groupTable.size, resource, scopes: [] });
    this.groups.push(added);
    return added;
  }

  scope(at: Groups, group: Group): ScopeOut {
    const { buffer } = at;
    const scope = this.#scope.read(buffer, at.scopeStart, at.scopeEnd);
    const keys = this.#keys;
    keys.begin();
    keys.length(group.id);
    this.#key.bytes(buffer, scope.nameStart, scope.nameEnd);
    this.#key.bytes(buffer, scope.versionStart, scope.versionEnd);
    keys.finish();
    const known = this.#scopeTable.find(keys);
    if (known !== undefined) return known;
    const copy = Buffer.from(buffer.subarray(at.scopeStart, at.scopeEnd));
    const added = this.#scopeTable.add(keys, { id: this.#scopeTable.size, scope: copy, items: [], metrics: [] });
    group.scopes.push(added);
    return added;
  }

  /** Metrics are the same by name and type; description, unit and temporality are those of the first. */
  metric(scope: ScopeOut, metric: MetricReader): MetricOut {
    const { buffer, type } = metric;
    const keys = this.#keys;
    keys.begin();
    keys.length(scope.id);
    keys.byte(type);
    this.#key.bytes(buffer, metric.nameStart, metric.nameEnd);
    keys.finish();
    const known = this.#metricTable.find(keys);
    if (known !== undefined) return known;
    copyFieldsExcept(this.#writer, buffer, metric.start, metric.end, tagOf(type, WireType.BYTES));
    const head = this.#writer.toBuffer();
    copyFieldsExcept(this.#writer, buffer, metric.dataStart, metric.dataEnd, POINT);
    const added = this.#metricTable.add(keys, { head, type, data: this.#writer.toBuffer(), points: [] });
    scope.metrics.push(added);
    return added;
  }

  /** Adds `buffer[start, end)`, an item with tag and length; it is copied later. */
  add(runs: Runs, buffer: Buffer, start: number, end: number): void {
    if (this.#sources.at(-1) !== buffer) this.#sources.push(buffer);
    this.#addRun(runs, this.#sources.length, start, end);
  }

  /** Adds what was written to `edits` from here on. */
  addEdit(runs: Runs, start: number): void {
    this.#addRun(runs, 0, start, this.edits.length);
  }

  /** Writes the whole into one buffer; afterwards the output is empty. */
  finish(): Buffer {
    for (const group of this.groups) this.#writeGroup(group);
    const bytes = this.#writer.toBuffer();
    this.clear();
    return bytes;
  }

  /** Forgets everything, also what a batch left that was not finished. */
  clear(): void {
    this.groups.length = this.#sources.length = 0;
    for (const table of [this.#groupTable, this.#scopeTable, this.#metricTable]) table.clear();
    this.edits.clear();
    this.#writer.clear();
  }

  #addRun(runs: Runs, source: number, start: number, end: number): void {
    if (runs.at(-1) === start && runs.at(-3) === source) runs[runs.length - 1] = end;
    else runs.push(source, start, end);
  }

  #writeGroup({ resource, scopes }: Group): void {
    const writer = this.#writer;
    writer.open(GROUP, EXPECTED_GROUP);
    writer.field(GROUP, resource);
    for (const { scope, items, metrics } of scopes) {
      writer.open(MEMBER, EXPECTED_GROUP);
      writer.field(GROUP, scope);
      this.#writeRuns(items);
      for (const metric of metrics) this.#writeMetric(metric);
      writer.close();
    }
    writer.close();
  }

  #writeMetric({ head, type, data, points }: MetricOut): void {
    const writer = this.#writer;
    writer.open(MEMBER, EXPECTED_GROUP);
    writer.copy(head, 0, head.length);
    writer.open(tagOf(type, WireType.BYTES), EXPECTED_GROUP);
    this.#writeRuns(points);
    writer.copy(data, 0, data.length);
    writer.close();
    writer.close();
  }

  #writeRuns(runs: Runs): void {
    for (let i = 0; i < runs.length; i += 3) {
      const source = runs[i] as number;
      const buffer = source === 0 ? this.edits.buffer : (this.#sources[source - 1] as Buffer);
      this.#writer.copy(buffer, runs[i + 1] as number, runs[i + 2] as number);
    }
  }
}
