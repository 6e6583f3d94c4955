import type { Signal } from '../../signal.ts';
import type { ByteRange, Telemetry } from '../../telemetry/telemetry.ts';
import { LEGACY_SCOPES } from '../scan/table.ts';
import { next, readVarint, skipValue } from '../wire.ts';
import { countPoints } from './metric.ts';

/** The tag of resource groups in a batch, and of the resource or scope in its group. */
export const GROUP = (1 << 3) | 2;
/** The tag of scope groups in a resource group, and of items in a scope group. */
export const MEMBER = (2 << 3) | 2;

const NOTHING = Buffer.alloc(0);

/**
 * Walks a batch: resource groups (`ResourceSpans` …), in each its scope groups (`ScopeSpans` …), in each its members:
 * spans, log records or metrics.
 *
 *   const groups = new Groups();            // once; walks many batches, allocates nothing
 *   groups.open(batch);
 *   while (groups.nextResource()) {
 *     while (groups.nextScope()) {
 *       while (groups.nextMember()) span.read(groups.buffer, groups.memberStart, groups.memberEnd);
 *
 * All positions are in `buffer`. Messages lie between `…Start` and `…End`; `…Field` is where their tag is. A resource
 * or scope that is absent is the empty message. Where one occurs twice, which nobody writes, the last one is seen.
 */
export class Groups {
  buffer: Buffer = NOTHING;
  /** The range of the batch the walk is in. */
  range = -1;

  groupField = 0;
  groupStart = 0;
  groupEnd = 0;
  hasResource = false;
  resourceStart = 0;
  resourceEnd = 0;

  scopeGroupField = 0;
  scopeGroupStart = 0;
  scopeGroupEnd = 0;
  hasScope = false;
  scopeStart = 0;
  scopeEnd = 0;

  memberField = 0;
  memberStart = 0;
  memberEnd = 0;

  /** Tag of the scope groups in this resource group: `MEMBER`, or `LEGACY_SCOPES` where there are none of those. */
  scopesTag = MEMBER;

  #ranges: readonly ByteRange[] = [];
  #rangeEnd = 0;

  open(batch: Pick<Telemetry, 'ranges'>): this {
    this.#ranges = batch.ranges;
    this.range = -1;
    this.groupEnd = this.#rangeEnd = 0;
    return this;
  }

  nextResource(): boolean {
    let position = this.groupEnd;
    for (;;) {
      while (position >= this.#rangeEnd) {
        const range = this.#ranges[++this.range];
        if (range === undefined) return this.#finish();
        this.buffer = range.buffer;
        this.#rangeEnd = range.end;
        position = range.start;
      }
      const tag = readVarint(this.buffer, position);
      if (tag === GROUP) break;
      position = skipValue(this.buffer, next, tag);
    }
    this.groupField = position;
    const length = readVarint(this.buffer, next);
    this.groupStart = next;
    this.groupEnd = next + length;
    this.#readGroup();
    return true;
  }

  nextScope(): boolean {
    const { buffer, groupEnd, scopesTag } = this;
    let position = this.scopeGroupEnd;
    while (position < groupEnd) {
      const at = position;
      const tag = readVarint(buffer, position);
      if (tag === scopesTag) {
        const length = readVarint(buffer, next);
        this.scopeGroupField = at;
        this.scopeGroupStart = next;
        this.scopeGroupEnd = next + length;
        this.#readScopeGroup();
        return true;
      }
      position = skipValue(buffer, next, tag);
    }
    this.scopeGroupEnd = groupEnd;
    return false;
  }

  nextMember(): boolean {
    const { buffer, scopeGroupEnd } = this;
    let position = this.memberEnd;
    while (position < scopeGroupEnd) {
      const at = position;
      const tag = readVarint(buffer, position);
      if (tag === MEMBER) {
        const length = readVarint(buffer, next);
        this.memberField = at;
        this.memberStart = next;
        this.memberEnd = next + length;
        return true;
      }
      position = skipValue(buffer, next, tag);
    }
    this.memberEnd = scopeGroupEnd;
    return false;
  }

  /** The bytes of the whole resource group, as a range that a batch may be derived with. */
  groupRange(): ByteRange {
    return { ...(this.#ranges[this.range] as ByteRange), start: this.groupField, end: this.groupEnd };
  }

  /** The batch is not held on to after its end. */
  #finish(): false {
    this.buffer = NOTHING;
    this.#ranges = [];
    this.groupEnd = this.#rangeEnd = 0;
    return false;
  }

  /** The order of fields is free, so the resource is looked for before the scope groups are walked. */
  #readGroup(): void {
    const { buffer, groupStart, groupEnd } = this;
    this.hasResource = false;
    this.resourceStart = this.resourceEnd = groupEnd;
    this.scopeGroupEnd = groupStart;
    let current = false;
    let legacy = false;
    let position = groupStart;
    while (position < groupEnd) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === MEMBER) current = true;
      else if (tag === LEGACY_SCOPES) legacy = true;
      else if (tag === GROUP) {
        readVarint(buffer, value);
        this.hasResource = true;
        this.resourceStart = next;
        this.resourceEnd = position;
      }
    }
    this.scopesTag = legacy && !current ? LEGACY_SCOPES : MEMBER;
  }

  /** Looks for the scope as far as the first member: all writers put it there. Only without it further on. */
  #readScopeGroup(): void {
    const { buffer, scopeGroupStart, scopeGroupEnd } = this;
    this.hasScope = false;
    this.scopeStart = this.scopeEnd = scopeGroupEnd;
    this.memberEnd = scopeGroupStart;
    let position = scopeGroupStart;
    while (position < scopeGroupEnd) {
      const tag = readVarint(buffer, position);
      const value = next;
      if (tag === MEMBER && this.hasScope) return;
      position = skipValue(buffer, value, tag);
      if (tag === GROUP) {
        readVarint(buffer, value);
        this.hasScope = true;
        this.scopeStart = next;
        this.scopeEnd = position;
      }
    }
  }
}

/** The number of items in the batch, which a `Telemetry` usually knows already. */
export function countItems(signal: Signal, batch: Pick<Telemetry, 'ranges'>): number {
  const groups = new Groups().open(batch);
  let items = 0;
  while (groups.nextResource()) {
    while (groups.nextScope()) {
      while (groups.nextMember()) {
        items += signal === 'metrics' ? countPoints(groups.buffer, groups.memberStart, groups.memberEnd) : 1;
      }
    }
  }
  return items;
}
