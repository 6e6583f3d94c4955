import type { ConfigNode, ListNode, MapEntry, MapNode } from '../../core/config/node.ts';

/** What separates levels in a key: `processors::batch::timeout`. */
const LEVEL = '::';

/**
 * Later sources win: maps are merged key by key, everything else is replaced, lists and null included. With `append`,
 * the lists of components a service refers to are joined instead.
 */
export function mergeNodes(first: MapNode, second: MapNode, append = false, path: readonly string[] = []): MapNode {
  const entries = new Map(first.entries);
  for (const [key, entry] of second.entries) {
    const there = entries.get(key);
    entries.set(key, there === undefined ? entry : mergeEntry(there, entry, append, [...path, key]));
  }
  return { ...second, entries };
}

function mergeEntry(first: MapEntry, second: MapEntry, append: boolean, path: readonly string[]): MapEntry {
  if (first.node.kind === 'map' && second.node.kind === 'map') {
    return { keyAt: second.keyAt, node: mergeNodes(first.node, second.node, append, path) };
  }
  if (append && first.node.kind === 'list' && second.node.kind === 'list' && appends(path)) {
    return { keyAt: second.keyAt, node: joinLists(first.node, second.node) };
  }
  return second;
}

/** The lists that the feature gate confmap.enableMergeAppendOption joins. */
function appends(path: readonly string[]): boolean {
  const last = path.at(-1);
  if (path[0] !== 'service') return false;
  return (path.length === 2 && last === 'extensions') || last === 'receivers' || last === 'exporters';
}

function joinLists(first: ListNode, second: ListNode): ListNode {
  const known = new Set(first.items.map(scalarKey));
  return { ...second, items: [...first.items, ...second.items.filter((item) => !known.has(scalarKey(item)))] };
}

function scalarKey(node: ConfigNode): unknown {
  return node.kind === 'scalar' ? node.value : node;
}

/** Splits keys like `batch::timeout` into levels, in maps but not in lists. */
export function splitKeys(node: MapNode): MapNode {
  let result: MapNode = { ...node, entries: new Map() };
  for (const [key, entry] of node.entries) {
    const inner = entry.node.kind === 'map' ? splitKeys(entry.node) : entry.node;
    const [first = '', ...rest] = key.split(LEVEL);
    let nested: ConfigNode = inner;
    for (const step of rest.reverse()) {
      nested = { kind: 'map', entries: new Map([[step, { keyAt: entry.keyAt, node: nested }]]), at: entry.node.at };
    }
    result = mergeNodes(result, { ...result, entries: new Map([[first, { keyAt: entry.keyAt, node: nested }]]) });
  }
  return result;
}
