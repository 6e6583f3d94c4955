import type { MapEntry } from './node.ts';

/** Whether a user wrote the key that the path leads to. */
export function isSet(entries: ReadonlyMap<string, MapEntry>, [key, ...rest]: readonly string[]): boolean {
  const node = key === undefined ? undefined : entries.get(key)?.node;
  if (node === undefined || rest.length === 0) return node !== undefined;
  return node.kind === 'map' && isSet(node.entries, rest);
}

/** Puts an entry where the path leads, sections on the way included. */
export function setDeep(entries: Map<string, MapEntry>, path: readonly string[], entry: MapEntry): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  const there = entries.get(key);
  if (rest.length === 0) {
    // What the user wrote under the standard key wins.
    if (there === undefined) entries.set(key, entry);
    return;
  }
  const inner = new Map(there?.node.kind === 'map' ? there.node.entries : []);
  setDeep(inner, rest, entry);
  const at = there?.node.at ?? entry.node.at;
  entries.set(key, { keyAt: there?.keyAt ?? entry.keyAt, node: { kind: 'map', entries: inner, at } });
}
