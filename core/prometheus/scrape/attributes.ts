import { varintSize, writeVarint } from '../../otlp/wire.ts';
import type { Label } from '../labels.ts';
import type { FamilyType } from './family.ts';

/** The tag that attributes have in the points of a family. */
const TAGS: Readonly<Record<FamilyType, number>> = {
  gauge: 0x3a,
  other: 0x3a,
  sum: 0x3a,
  summary: 0x3a,
  histogram: 0x4a,
  exponential: 0x0a,
};

const SCOPE_PREFIX = 'otel_scope_';
/** Labels that are said elsewhere. */
const ELSEWHERE: ReadonlySet<string> = new Set(['__name__', 'instance', 'job', '__scheme__', '__metrics_path__']);

/** The label that tells the parts of one point. */
const PART: Readonly<Partial<Record<FamilyType, string>>> = { histogram: 'le', exponential: 'le', summary: 'quantile' };

/** The labels of a series as the attributes of a point of such a family. */
export function pointAttributes(labels: readonly Label[], type: FamilyType): Buffer {
  const part = PART[type];
  const shown = labels.filter(
    ([name, value]) => value !== '' && name !== part && !ELSEWHERE.has(name) && !name.startsWith(SCOPE_PREFIX),
  );
  return encodeAttributes(shown, TAGS[type]);
}

/** A list of attributes whose values are texts, each with this tag. */
export function encodeAttributes(labels: Iterable<Label>, tag: number): Buffer {
  const fields: Buffer[] = [];
  for (const [name, value] of labels) {
    const key = stringField(0x0a, name);
    const any = field(0x12, stringField(0x0a, value));
    fields.push(field(tag, Buffer.concat([key, any])));
  }
  return Buffer.concat(fields);
}

export const stringField = (tag: number, text: string): Buffer => field(tag, Buffer.from(text));

/** Bytes as a field with a tag of one byte. */
export function field(tag: number, content: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + varintSize(content.length) + content.length);
  bytes[0] = tag;
  content.copy(bytes, writeVarint(bytes, 1, content.length));
  return bytes;
}
