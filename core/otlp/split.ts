import type { ByteRange, Telemetry } from '../telemetry/telemetry.ts';
import { Groups } from './readers/groups.ts';
import { countPoints } from './readers/metric.ts';
import { GroupCutter, type Limits, type Piece } from './split-group.ts';

/** Both parts have a reference of their own; `rest` is undefined where everything is in `head`. */
export interface Parts {
  readonly head: Telemetry;
  readonly rest: Telemetry | undefined;
}

/**
 * Parts a batch: `head` has its first `maxItems` items (at least one), `rest` the others, in their order. Takes over
 * the caller's reference to the batch.
 *
 * Whole resource groups are shared, not copied. A group that has to be cut is copied once, into as many parts of
 * `maxItems` as it makes, so taking from a batch again and again costs no more than cutting it in one go. Each part
 * of a group has its resource, scope, schema URLs and fields nobody knows. A metric is cut between its data points;
 * name, description, unit, temporality and monotonicity go with each part, its metadata with the last one.
 */
export function take(batch: Telemetry, maxItems: number): Parts {
  if (batch.items <= maxItems) return { head: batch, rest: undefined };
  return part(batch, { items: Math.max(1, maxItems), bytes: Infinity });
}

/**
 * The same by encoded size: `head` is a request of at most `maxBytes`, or where a single item does not fit, of that
 * item alone. Fields of the request itself that nobody knows are not counted.
 */
export function takeBytes(batch: Telemetry, maxBytes: number): Parts {
  if (batch.byteLength <= maxBytes || batch.items <= 1) return { head: batch, rest: undefined };
  return part(batch, { items: Infinity, bytes: maxBytes });
}

/** All parts of at most `maxItems` items; takes over the caller's reference to the batch. */
export function split(batch: Telemetry, maxItems: number): Telemetry[] {
  const parts: Telemetry[] = [];
  let rest: Telemetry | undefined = batch;
  while (rest !== undefined) {
    const parted: Parts = take(rest, maxItems);
    parts.push(parted.head);
    rest = parted.rest;
  }
  return parts;
}

const cutter = new GroupCutter();
const groups = new Groups();

/** Finds the first resource group that is not wholly in the head; everything before it and after it is shared. */
function part(batch: Telemetry, limits: Limits): Parts {
  groups.open(batch);
  let items = 0;
  let index = 0;
  let bytesOfRanges = 0;
  while (groups.nextResource()) {
    for (; index < groups.range; index++) bytesOfRanges += lengthOf(batch.ranges[index]);
    const bytesBefore = bytesOfRanges - (batch.ranges[index]?.start ?? 0);
    const groupItems = countGroup(batch);
    const full = items >= limits.items;
    if (!full && items + groupItems <= limits.items && bytesBefore + groups.groupEnd <= limits.bytes) {
      items += groupItems;
      continue;
    }
    // by size, a group is cut only where it would be the first: otherwise the next part has more room for it
    if (full || (items > 0 && limits.bytes < Infinity)) return partAt(batch, items, []);
    const first = { items: limits.items - items, bytes: limits.bytes - (bytesBefore + groups.groupField) };
    return partAt(batch, items, cutter.cut(batch.signal, groups, groupItems, first, limits));
  }
  return { head: batch, rest: undefined };
}

/** The head ends before the group that `groups` is at and the first of its pieces, the rest begins with the others. */
function partAt(batch: Telemetry, itemsBefore: number, pieces: readonly Piece[]): Parts {
  const { groupField, groupEnd, range: index } = groups;
  const head = batch.ranges.slice(0, index);
  const rest = batch.ranges.slice(index + 1);
  const range = batch.ranges[index] as ByteRange;
  const [first, ...others] = pieces;
  const restStart = first === undefined ? groupField : groupEnd;
  if (groupField > range.start) head.push({ ...range, end: groupField });
  if (restStart < range.end) rest.unshift({ ...range, start: restStart });
  if (first !== undefined) head.push(first.range);
  rest.unshift(...others.map((piece) => piece.range));
  const headItems = itemsBefore + (first?.items ?? 0);
  const parts = {
    head: batch.derive(head, headItems),
    rest: batch.items > headItems ? batch.derive(rest, batch.items - headItems) : undefined,
  };
  batch.release();
  first?.range.slab?.release();
  return parts;
}

function lengthOf(range: ByteRange | undefined): number {
  return range === undefined ? 0 : range.end - range.start;
}

function countGroup(batch: Telemetry): number {
  let items = 0;
  while (groups.nextScope()) {
    while (groups.nextMember()) {
      items += batch.signal === 'metrics' ? countPoints(groups.buffer, groups.memberStart, groups.memberEnd) : 1;
    }
  }
  return items;
}
