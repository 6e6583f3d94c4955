import type { Signal } from '../signal.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { Writer } from './edit/writer.ts';
import { GROUP, type Groups, MEMBER } from './readers/groups.ts';
import { countPoints, MetricReader, MetricType, POINT } from './readers/metric.ts';
import { next, readVarint, skipValue, tagOf, WireType } from './wire.ts';

/** What a part may have at most; a part always has one item, whatever its size. */
export interface Limits {
  readonly items: number;
  readonly bytes: number;
}

export interface Piece {
  readonly range: ByteRange;
  readonly items: number;
}

const METADATA = tagOf(12, WireType.BYTES);
const DATA_TAGS: ReadonlySet<number> = new Set(Object.values(MetricType).map((type) => tagOf(type, WireType.BYTES)));

/**
 * Cuts one resource group into several, each with its share of the items in their order. Lengths are expected to be
 * those of the whole group, so that what a piece takes is never underestimated while it is written.
 */
export class GroupCutter {
  readonly #writer = new Writer();
  readonly #metric = new MetricReader();
  readonly #pieces: { start: number; end: number; items: number }[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #groupStart = 0;
  #groupEnd = 0;
  #scopesTag = MEMBER;
  #scopeStart = 0;
  #scopeEnd = 0;
  /** Bytes of the scope group without its members. */
  #scopeEnvelope = 0;
  /** Items of the scope group that are in no piece yet. */
  #scopeLeft = 0;
  #scopeOpen = false;
  #limits: Limits = { items: 0, bytes: 0 };
  #next: Limits = { items: 0, bytes: 0 };
  #pieceStart = 0;
  #pieceItems = 0;
  /** Items of the group that are in no piece yet. */
  #left = 0;

  /**
   * The group that `groups` is at, which has `items` items: a first piece within `first`, further ones within `limits`.
   * The pieces lie in one slab, of which the caller gets one reference.
   */
  cut(signal: Signal, groups: Groups, items: number, first: Limits, limits: Limits): Piece[] {
    this.#buffer = groups.buffer;
    this.#groupStart = groups.groupStart;
    this.#groupEnd = groups.groupEnd;
    this.#scopesTag = groups.scopesTag;
    this.#left = items;
    this.#limits = first;
    this.#next = limits;
    this.#pieces.length = 0;
    this.#beginPiece();
    const { groupStart, groupEnd } = groups;
    this.#eachField(groupStart, groupEnd, (tag, field, value, end) => {
      if (tag === this.#scopesTag) this.#cutScope(signal, field, value, end);
    });
    this.#endPiece();
    const whole = this.#writer.finish();
    return this.#pieces.map((piece) => ({
      range: { ...whole, start: whole.start + piece.start, end: whole.start + piece.end },
      items: piece.items,
    }));
  }

  #cutScope(signal: Signal, field: number, start: number, end: number): void {
    if (this.#pieceItems >= this.#limits.items && this.#left > 0) this.#roll();
    this.#scopeStart = start;
    this.#scopeEnd = end;
    this.#scopeEnvelope = end - field;
    this.#scopeLeft = 0;
    this.#eachField(start, end, (tag, memberField, value, after) => {
      if (tag !== MEMBER) return;
      this.#scopeLeft += signal === 'metrics' ? countPoints(this.#buffer, value, after) : 1;
      this.#scopeEnvelope -= after - memberField;
    });
    let empty = true;
    this.#eachField(start, end, (tag, memberField, value, after) => {
      if (tag !== MEMBER) return;
      empty = false;
      if (signal === 'metrics') this.#putMetric(memberField, value, after);
      else this.#put(memberField, after, 1);
    });
    if (empty) this.#put(end, end, 0);
    this.#closeScope();
  }

  #putMetric(field: number, start: number, end: number): void {
    const metric = this.#metric.read(this.#buffer, start, end);
    let points = 0;
    let pointBytes = 0;
    while (metric.nextPoint()) {
      points++;
      pointBytes += metric.pointEnd - metric.pointField;
    }
    if (points <= 1 || this.#fits(points, end - field)) {
      this.#put(field, end, points);
      return;
    }
    metric.rewind();
    metric.nextPoint();
    let metadataBytes = 0;
    this.#eachField(start, end, (tag, at, _value, after) => {
      if (tag === METADATA) metadataBytes += after - at;
    });
    const envelope = end - field - pointBytes - metadataBytes;
    for (let left = points; left > 0; ) left -= this.#putMetricPart(metric, envelope, metadataBytes, left);
  }

  /** Writes the metric with as many points from the current one on as fit, at least one, and returns how many. */
  #putMetricPart(metric: MetricReader, envelope: number, metadataBytes: number, left: number): number {
    const writer = this.#writer;
    this.#makeRoom(1, envelope + metadataBytes + metric.pointEnd - metric.pointField);
    writer.open(MEMBER, metric.end - metric.start);
    this.#copyFields(metric.start, metric.end, (tag) => tag !== METADATA && !DATA_TAGS.has(tag));
    writer.open(tagOf(metric.type, WireType.BYTES), metric.dataEnd - metric.dataStart);
    this.#copyFields(metric.dataStart, metric.dataEnd, (tag) => tag !== POINT);
    let taken = 0;
    do {
      writer.copy(this.#buffer, metric.pointField, metric.pointEnd);
      this.#count(1);
      taken++;
    } while (metric.nextPoint() && this.#fits(1, metadataBytes + metric.pointEnd - metric.pointField));
    writer.close();
    if (taken === left) this.#copyFields(metric.start, metric.end, (tag) => tag === METADATA);
    writer.close();
    return taken;
  }

  #put(start: number, end: number, items: number): void {
    this.#makeRoom(items, end - start);
    this.#writer.copy(this.#buffer, start, end);
    this.#count(items);
  }

  #count(items: number): void {
    this.#pieceItems += items;
    this.#left -= items;
    this.#scopeLeft -= items;
  }

  #fits(items: number, bytes: number): boolean {
    // what has no items goes with what came before it in its scope, unless more items follow there
    if (this.#pieceItems >= this.#limits.items && this.#scopeLeft > 0) return false;
    if (this.#pieceItems === 0 && items <= 1) return true;
    const envelope = this.#scopeOpen ? 0 : this.#scopeEnvelope;
    const size = this.#writer.length - this.#pieceStart + envelope + bytes;
    return this.#pieceItems + items <= this.#limits.items && size <= this.#limits.bytes;
  }

  /** Sees to it that the open piece takes so much, and that the scope is open in it. */
  #makeRoom(items: number, bytes: number): void {
    if (!this.#fits(items, bytes)) this.#roll();
    if (this.#scopeOpen) return;
    this.#scopeOpen = true;
    this.#writer.open(this.#scopesTag, this.#scopeEnd - this.#scopeStart);
    this.#copyFields(this.#scopeStart, this.#scopeEnd, (tag) => tag !== MEMBER);
  }

  #closeScope(): void {
    if (this.#scopeOpen) this.#writer.close();
    this.#scopeOpen = false;
  }

  #roll(): void {
    this.#endPiece();
    this.#limits = this.#next;
    this.#beginPiece();
  }

  #beginPiece(): void {
    this.#pieceStart = this.#writer.length;
    this.#pieceItems = 0;
    this.#writer.open(GROUP, this.#groupEnd - this.#groupStart);
    this.#copyFields(this.#groupStart, this.#groupEnd, (tag) => tag !== this.#scopesTag);
  }

  #endPiece(): void {
    this.#closeScope();
    this.#writer.close();
    this.#pieces.push({ start: this.#pieceStart, end: this.#writer.length, items: this.#pieceItems });
  }

  #copyFields(start: number, end: number, which: (tag: number) => boolean): void {
    this.#eachField(start, end, (tag, field, _value, after) => {
      if (which(tag)) this.#writer.copy(this.#buffer, field, after);
    });
  }

  /** `value` is where the bytes of a field with a length begin. */
  #eachField(
    start: number,
    end: number,
    visit: (tag: number, field: number, value: number, after: number) => void,
  ): void {
    const buffer = this.#buffer;
    let position = start;
    while (position < end) {
      const field = position;
      const tag = readVarint(buffer, position);
      let value = next;
      position = skipValue(buffer, value, tag);
      if ((tag & 7) === WireType.BYTES) {
        readVarint(buffer, value);
        value = next;
      }
      visit(tag, field, value, position);
    }
  }
}
