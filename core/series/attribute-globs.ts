import type { Attributes } from '../otlp/readers/attributes.ts';

/** An attribute where it lies; the value is an AnyValue. */
export interface FoundAttribute {
  readonly key: Buffer;
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * The attributes whose names match one of the globs. `sources` are groups of lists in order of precedence: of several
 * attributes with one name the first is found. The result has those of the first group first, each sorted by name.
 */
export function attributesMatching(
  globs: readonly ((name: string) => boolean)[],
  sources: readonly (readonly Attributes[])[],
): readonly FoundAttribute[] {
  const seen = new Set<string>();
  return sources.flatMap((lists) => {
    const found: FoundAttribute[] = [];
    for (const list of lists) collect(list, globs, seen, found);
    return found.sort((a, b) => Buffer.compare(a.key, b.key));
  });
}

function collect(
  attributes: Attributes,
  globs: readonly ((name: string) => boolean)[],
  seen: Set<string>,
  found: FoundAttribute[],
): void {
  attributes.rewind();
  while (attributes.next()) {
    const name = attributes.key();
    if (seen.has(name)) continue;
    seen.add(name);
    if (!globs.some((matches) => matches(name))) continue;
    const { buffer, keyStart, keyEnd, valueStart: start, valueEnd: end } = attributes;
    found.push({ key: buffer.subarray(keyStart, keyEnd), buffer, start, end });
  }
}
