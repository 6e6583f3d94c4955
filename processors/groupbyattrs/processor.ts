import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { LogRecordEditor, PointEditor, SpanEditor } from '../../core/otlp/edit/item-editors.ts';
import type { MessageEditor } from '../../core/otlp/edit/message-editor.ts';
import { Groups, MEMBER } from '../../core/otlp/readers/groups.ts';
import { MetricReader, POINT } from '../../core/otlp/readers/metric.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import { KeyedEntries } from '../../core/series/keyed-entries.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { GroupMetrics } from './metrics.ts';
import { type Group, Output, type ScopeOut } from './output.ts';

/** Where items of the current resource with certain values go. */
interface Target {
  readonly group: Group;
  /** Its scope for the scope group with this number. */
  scope: ScopeOut | undefined;
  scopeGroup: number;
}

/** Takes each batch apart and puts it together by resource. Nothing is kept from one batch to the next. */
export class GroupByAttrs implements Processor {
  readonly #next: Consumer;
  readonly #metrics: GroupMetrics;
  readonly #keys: readonly Buffer[];
  readonly #output: Output;
  readonly #groups = new Groups();
  readonly #span = new SpanEditor();
  readonly #log = new LogRecordEditor();
  readonly #point = new PointEditor();
  readonly #metric = new MetricReader();
  /** Targets by the values of the keys, within one resource. */
  readonly #targets = new KeyedEntries<Target>();
  readonly #values: KeyWriter;
  /** Of the current item, in turn: the number of a key it has, and the index of that attribute. */
  readonly #found: number[] = [];
  #scopeGroup = 0;
  #grouped = 0;
  #others = 0;

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#next = next;
    this.#metrics = new GroupMetrics(settings);
    this.#output = new Output(settings.random() * 2 ** 32);
    this.#values = new KeyWriter(settings.random() * 2 ** 32);
    const keys = new Set<string>();
    for (const key of config.keys) {
      if (keys.has(key)) settings.logger.warn('A grouping key is already present', { key });
      if (key !== '') keys.add(key);
    }
    this.#keys = [...keys].map((key) => Buffer.from(key));
  }

  start(): void {}
  shutdown(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    const groups = this.#groups.open(batch);
    this.#grouped = this.#others = 0;
    this.#output.clear();
    while (groups.nextResource()) {
      this.#targets.clear();
      while (groups.nextScope()) {
        this.#scopeGroup++;
        while (groups.nextMember()) this.#takeMember(batch.signal, groups);
      }
    }
    const { context, signal } = batch;
    this.#metrics.count(signal, this.#output.groups.length, this.#grouped, this.#others);
    const bytes = this.#output.finish();
    batch.release();
    if (bytes.length > 0) return this.#next.consume(Telemetry.of(signal, bytes, this.#grouped + this.#others, context));
  }

  #takeMember(signal: Signal, at: Groups): void {
    const { buffer, memberField, memberStart, memberEnd } = at;
    if (signal === 'metrics') {
      this.#takePoints(at);
      return;
    }
    const editor = signal === 'traces' ? this.#span : this.#log;
    editor.open(buffer, memberStart, memberEnd);
    const { items } = this.#scopeFor(at, editor);
    this.#put(items, editor, MEMBER, memberField);
  }

  #takePoints(at: Groups): void {
    const { buffer } = at;
    const metric = this.#metric.read(buffer, at.memberStart, at.memberEnd);
    while (metric.nextPoint()) {
      const editor = this.#point.openAs(metric.type, buffer, metric.pointStart, metric.pointEnd);
      const { points } = this.#output.metric(this.#scopeFor(at, editor), metric);
      this.#put(points, editor, POINT, metric.pointField);
    }
  }

  #put(runs: number[], editor: MessageEditor, tag: number, field: number): void {
    const { buffer, end } = editor;
    if (!editor.changed) {
      this.#output.add(runs, buffer, field, end);
      return;
    }
    const { edits } = this.#output;
    const start = edits.length;
    edits.open(tag, end - field);
    editor.writeTo(edits);
    edits.close();
    this.#output.addEdit(runs, start);
  }

  /** Where an item belongs; takes the attributes that it is grouped by out of it. */
  #scopeFor(at: Groups, item: MessageEditor): ScopeOut {
    const found = this.#found;
    found.length = 0;
    this.#values.begin();
    for (let i = 0; i < this.#keys.length; i++) this.#findKey(item, i);
    this.#values.finish();
    if (found.length > 0) this.#grouped++;
    else this.#others++;
    const target = this.#targets.find(this.#values) ?? this.#addTarget(at, item);
    for (let i = 1; i < found.length; i += 2) item.attributes.remove(found[i] as number);
    if (target.scope === undefined || target.scopeGroup !== this.#scopeGroup) {
      target.scope = this.#output.scope(at, target.group);
      target.scopeGroup = this.#scopeGroup;
    }
    return target.scope;
  }

  #findKey({ attributes }: MessageEditor, key: number): void {
    const index = attributes.find(this.#keys[key] as Buffer);
    if (index < 0) return;
    this.#found.push(key, index);
    const start = attributes.valueStart(index);
    const end = attributes.valueEnd(index);
    this.#values.length(key);
    this.#values.length(end - start);
    this.#values.copy(attributes.bufferOf(index), start, end);
  }

  #addTarget(at: Groups, { attributes }: MessageEditor): Target {
    const keys: Buffer[] = [];
    const values: Buffer[] = [];
    for (let i = 0; i < this.#found.length; i += 2) {
      const index = this.#found[i + 1] as number;
      keys.push(this.#keys[this.#found[i] as number] as Buffer);
      values.push(attributes.bufferOf(index).subarray(attributes.valueStart(index), attributes.valueEnd(index)));
    }
    const group = this.#output.group(at, keys, values);
    return this.#targets.add(this.#values, { group, scope: undefined, scopeGroup: 0 });
  }
}
