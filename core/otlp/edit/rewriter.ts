import type { Signal } from '../../signal.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { GROUP, Groups, MEMBER } from '../readers/groups.ts';
import { countPoints, MetricReader, POINT } from '../readers/metric.ts';
import { RESOURCE_ATTRIBUTES, SCOPE_ATTRIBUTES } from '../readers/scope.ts';
import { next, readVarint, skipValue, tagOf, WireType } from '../wire.ts';
import { LogRecordEditor, PointEditor, SpanEditor } from './item-editors.ts';
import { MessageEditor } from './message-editor.ts';
import { Writer } from './writer.ts';

/** The tag of the metadata of a metric. */
const METADATA = tagOf(12, WireType.BYTES);

/**
 * What is looked at while a batch is rewritten; methods that are absent cost nothing. `at` has the places of the
 * resource and scope as they came. A visitor of items returns false to drop the item. What is left without items by
 * that (metric, scope group, resource group) is dropped as well.
 */
export interface Visitor {
  /** Groups that came without items are dropped too. */
  readonly dropsEmpty?: boolean;
  /** Called once a resource group, also where it has no resource. */
  resource?(resource: MessageEditor, at: Groups): void;
  scope?(scope: MessageEditor, at: Groups): void;
  span?(span: SpanEditor, at: Groups): boolean;
  log?(record: LogRecordEditor, at: Groups): boolean;
  /** Name, description, unit and metadata; `reader` is at the metric as it came. */
  metric?(metric: MessageEditor, reader: MetricReader, at: Groups): boolean;
  /** A data point of the metric that `reader` is at. */
  point?(point: PointEditor, reader: MetricReader, at: Groups): boolean;
}

/** Rewrites batches of one or any signal with one visitor; an instance is used again and again. */
export class Rewriter {
  readonly #visitor: Visitor;
  readonly #visitsItems: boolean;
  readonly #groups = new Groups();
  readonly #writer = new Writer();
  readonly #resource = new MessageEditor(RESOURCE_ATTRIBUTES);
  readonly #scope = new MessageEditor(SCOPE_ATTRIBUTES);
  readonly #span = new SpanEditor();
  readonly #log = new LogRecordEditor();
  readonly #metric = new MessageEditor(METADATA);
  readonly #point = new PointEditor();
  readonly #reader = new MetricReader();
  #signal: Signal = 'traces';
  #changed = false;
  #dropped = 0;
  /** Up to where the message that is being walked has been written. */
  #from = 0;

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
    const { span, log, metric, point } = visitor;
    this.#visitsItems = [span, log, metric, point].some((visit) => visit !== undefined);
  }

  /**
   * The batch as the visitor leaves it; the same object where it changed nothing, and one without items where it
   * dropped all. Takes over the caller's reference, and gives one to what it returns. Of what was changed, fields of
   * the request itself that nobody knows are left out; those inside of groups stay.
   */
  rewrite(batch: Telemetry): Telemetry {
    const groups = this.#groups.open(batch);
    this.#writer.clear();
    this.#signal = batch.signal;
    this.#changed = false;
    this.#dropped = 0;
    while (groups.nextResource()) this.#rewriteGroup(groups);
    if (!this.#changed) return batch;
    const range = this.#writer.finish();
    const rewritten = batch.derive([range], batch.items - this.#dropped);
    range.slab.release();
    batch.release();
    return rewritten;
  }

  #rewriteGroup(at: Groups): void {
    const { buffer, groupStart, groupEnd } = at;
    const writer = this.#writer;
    const mark = writer.length;
    const dropped = this.#dropped;
    const resource = this.#resource.open(buffer, at.resourceStart, at.resourceEnd);
    this.#visitor.resource?.(resource, at);
    writer.open(GROUP, groupEnd - groupStart);
    if (!at.hasResource) this.#putNew(resource);
    const deeper = this.#visitsItems || this.#visitor.scope !== undefined;
    let kept = 0;
    let position = groupStart;
    this.#from = groupStart;
    while (position < groupEnd) {
      const field = position;
      const tag = readVarint(buffer, position);
      position = skipValue(buffer, next, tag);
      if (tag === GROUP && position === at.resourceEnd) this.#putChanged(resource, field, position);
      else if (tag === at.scopesTag && deeper) {
        at.nextScope();
        this.#flush(buffer, field);
        if (this.#rewriteScope(at)) kept++;
        this.#from = position;
      }
    }
    this.#flush(buffer, groupEnd);
    writer.close();
    if (kept === 0 && this.#isDropped(dropped)) writer.length = mark;
  }

  /** Whether anything of it is left. */
  #rewriteScope(at: Groups): boolean {
    const { buffer, scopeGroupStart, scopeGroupEnd } = at;
    const writer = this.#writer;
    const mark = writer.length;
    const dropped = this.#dropped;
    const scope = this.#scope.open(buffer, at.scopeStart, at.scopeEnd);
    this.#visitor.scope?.(scope, at);
    writer.open(at.scopesTag, scopeGroupEnd - scopeGroupStart);
    if (!at.hasScope) this.#putNew(scope);
    let kept = 0;
    let position = scopeGroupStart;
    this.#from = scopeGroupStart;
    while (position < scopeGroupEnd) {
      const field = position;
      const tag = readVarint(buffer, position);
      position = skipValue(buffer, next, tag);
      if (tag === GROUP && position === at.scopeEnd) this.#putChanged(scope, field, position);
      else if (tag === MEMBER && this.#visitsItems) {
        at.nextMember();
        if (this.#rewriteMember(at)) kept++;
      }
    }
    this.#flush(buffer, scopeGroupEnd);
    writer.close();
    if (kept > 0 || !this.#isDropped(dropped)) return true;
    writer.length = mark;
    return false;
  }

  /** Of a group without items, which had dropped so many before it. */
  #isDropped(before: number): boolean {
    const drops = this.#visitor.dropsEmpty === true;
    if (drops) this.#changed = true;
    return drops || this.#dropped > before;
  }

  /** Whether it is kept. */
  #rewriteMember(at: Groups): boolean {
    const editor = this.#visit(at);
    if (editor === undefined) {
      this.#changed = true;
      this.#flush(at.buffer, at.memberField);
      this.#from = at.memberEnd;
      return false;
    }
    if (editor.changed) this.#put(editor, MEMBER, at.memberField, at.memberEnd);
    return true;
  }

  /** The editor of the item after the visit, undefined where the item is dropped. */
  #visit(at: Groups): MessageEditor | undefined {
    const { buffer, memberStart, memberEnd } = at;
    const { span, log } = this.#visitor;
    if (this.#signal === 'metrics') return this.#visitMetric(at);
    const editor = this.#signal === 'traces' ? this.#span : this.#log;
    editor.open(buffer, memberStart, memberEnd);
    const kept =
      this.#signal === 'traces' ? span?.call(this.#visitor, this.#span, at) : log?.call(this.#visitor, this.#log, at);
    if (kept !== false) return editor;
    this.#dropped++;
    return undefined;
  }

  #visitMetric(at: Groups): MessageEditor | undefined {
    const { buffer, memberStart, memberEnd } = at;
    const reader = this.#reader.read(buffer, memberStart, memberEnd);
    const metric = this.#metric.open(buffer, memberStart, memberEnd);
    if (this.#visitor.metric?.(metric, reader, at) === false) {
      this.#dropped += countPoints(buffer, memberStart, memberEnd);
      return undefined;
    }
    if (this.#visitor.point !== undefined && !this.#visitPoints(this.#visitor.point, at)) return undefined;
    return metric;
  }

  /** Puts the data with its changed points into the metric; false where no point is left of those there were. */
  #visitPoints(visit: NonNullable<Visitor['point']>, at: Groups): boolean {
    const { buffer } = at;
    const reader = this.#reader;
    const { scratch } = this.#metric;
    const patch = scratch.length;
    let kept = 0;
    let removed = 0;
    let changed = false;
    let from = reader.dataStart;
    scratch.open(tagOf(reader.type, WireType.BYTES), reader.dataEnd - reader.dataStart);
    while (reader.nextPoint()) {
      const { pointField, pointStart, pointEnd } = reader;
      const point = this.#point.openAs(reader.type, buffer, pointStart, pointEnd);
      const keep = visit.call(this.#visitor, point, reader, at);
      if (keep) kept++;
      else removed++;
      if (keep && !point.changed) continue;
      changed = true;
      scratch.copy(buffer, from, pointField);
      from = pointEnd;
      if (keep) writeMessage(scratch, POINT, point, pointEnd - pointStart);
    }
    scratch.copy(buffer, from, reader.dataEnd);
    scratch.close();
    this.#dropped += removed;
    if (!changed) scratch.length = patch;
    else this.#metric.splice(reader.dataField, reader.dataEnd, patch, scratch.length);
    return kept > 0 || removed === 0;
  }

  /** A resource or scope that was absent and has now something in it. */
  #putNew(editor: MessageEditor): void {
    if (!editor.changed) return;
    this.#changed = true;
    writeMessage(this.#writer, GROUP, editor, 0);
  }

  #putChanged(editor: MessageEditor, field: number, end: number): void {
    if (editor.changed) this.#put(editor, GROUP, field, end);
  }

  #put(editor: MessageEditor, tag: number, field: number, end: number): void {
    this.#changed = true;
    this.#flush(editor.buffer, field);
    writeMessage(this.#writer, tag, editor, end - field);
    this.#from = end;
  }

  #flush(buffer: Buffer, until: number): void {
    this.#writer.copy(buffer, this.#from, until);
    this.#from = until;
  }
}

function writeMessage(writer: Writer, tag: number, editor: MessageEditor, expectedLength: number): void {
  writer.open(tag, expectedLength);
  editor.writeTo(writer);
  writer.close();
}
