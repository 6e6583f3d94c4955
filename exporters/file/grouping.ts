import { posix } from 'node:path';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { countItems, GROUP, Groups } from '../../core/otlp/readers/groups.ts';
import { next, readVarint, skipValue } from '../../core/otlp/wire.ts';
import type { ByteRange, Telemetry } from '../../core/telemetry/telemetry.ts';

const STRING_VALUE = (1 << 3) | 2;

export interface Grouped {
  /** The part of the batch for each value of the attribute; the caller releases them. */
  readonly parts: ReadonlyMap<string, Telemetry>;
  /** Resources without the attribute, or with one that is not a string. */
  readonly without: number;
}

/** Splits a batch by a resource attribute. */
export function groupByAttribute(batch: Telemetry, attribute: string): Grouped {
  const key = Buffer.from(attribute);
  const ranges = new Map<string, ByteRange[]>();
  const attributes = new Attributes();
  const groups = new Groups().open(batch);
  let without = 0;
  while (groups.nextResource()) {
    attributes.set(groups.buffer, groups.resourceStart, groups.resourceEnd, GROUP);
    const value = attributes.find(key)
      ? stringValue(groups.buffer, attributes.valueStart, attributes.valueEnd)
      : undefined;
    if (value === undefined) {
      without++;
      continue;
    }
    const list = ranges.get(value) ?? [];
    ranges.set(value, list);
    list.push(groups.groupRange());
  }
  const part = (list: ByteRange[]) => batch.derive(list, countItems(batch.signal, { ranges: list }));
  return { parts: new Map([...ranges].map(([value, list]) => [value, part(list)])), without };
}

/** The text of an AnyValue that is a string. */
function stringValue(buffer: Buffer, start: number, end: number): string | undefined {
  let text: string | undefined;
  for (let position = start; position < end; ) {
    const tag = readVarint(buffer, position);
    const value = next;
    position = skipValue(buffer, value, tag);
    if (tag === STRING_VALUE) {
      readVarint(buffer, value);
      text = buffer.toString('utf8', next, position);
    } else {
      text = undefined;
    }
  }
  return text;
}

/**
 * The path with the value in place of its `*`. The value comes from outside, so whatever it contains, the result is
 * below the part of the path before the `*`.
 */
export function pathFor(path: string, value: string): string {
  const star = path.indexOf('*');
  const before = path.slice(0, star);
  const cleaned = posix.normalize(before);
  const prefix = before.endsWith('/') && !cleaned.endsWith('/') ? `${cleaned}/` : cleaned;
  const suffix = path.slice(star + 1);
  const segment = value.replaceAll('\0', '').replace(/^\.{1,2}(?=\/)/, '');
  const full = posix.normalize(prefix + segment + suffix);
  return full.startsWith(prefix) ? full : posix.join(prefix, posix.join('/', segment + suffix));
}
