/** Where something stands in the user's configuration. `source` is the file path or config URI; 1-based. */
export interface Position {
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

/**
 * A resolved configuration value with its place. `text` is the original text of a value that came whole from one
 * `${…}`: a string field takes it literally (`0123`, `true`), any other field takes the YAML-typed value.
 */
export type ConfigNode = ScalarNode | MapNode | ListNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  /** `bigint` for integers beyond 2^53. */
  readonly value: string | number | bigint | boolean | null;
  readonly text?: string;
  /** The YAML source of a number, which tells `10` from `10.0`: an integer literal is `int`, else `float64`. */
  readonly float?: boolean;
  /** A date without quotes, where it is not taken for text. */
  readonly date?: boolean;
  readonly at: Position;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly text?: string;
  readonly at: Position;
}

export interface MapEntry {
  readonly keyAt: Position;
  readonly node: ConfigNode;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly ConfigNode[];
  readonly text?: string;
  readonly at: Position;
}

export function isNull(node: ConfigNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

/** The Go type the collector names in `got unconvertible type '…'`. */
export function goType(node: ConfigNode): string {
  if (node.kind === 'map') return 'map[string]interface {}';
  if (node.kind === 'list') return '[]interface {}';
  switch (typeof node.value) {
    case 'string':
      return node.date === true ? 'time.Time' : 'string';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return node.value > 2n ** 63n - 1n ? 'uint64' : 'int';
    case 'number':
      return node.float === true ? 'float64' : 'int';
    default:
      return 'nil';
  }
}

/** The Go kind the collector names in `source data must be an array or slice, got …`. */
export function goKind(node: ConfigNode): string {
  if (node.kind === 'scalar') return node.date === true ? 'struct' : goType(node);
  return node.kind === 'map' ? 'map' : 'slice';
}

/** Longer values are cut: an error line is for reading. */
const MAX_FOUND = 40;

/** What stands there, for an error message. A value that came from `${…}` is not shown: it may be a secret. */
export function foundText(node: ConfigNode): string | undefined {
  if (node.text !== undefined) return 'from an expansion';
  if (node.kind !== 'scalar') return undefined;
  if (typeof node.value !== 'string') return String(node.value);
  const text = node.value.length > MAX_FOUND ? `${node.value.slice(0, MAX_FOUND)}…` : node.value;
  return JSON.stringify(text);
}

/** The value as plain data: maps as objects, integers beyond 2^53 as bigint. */
export function toPlainData(node: ConfigNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toPlainData);
  const entries = [...node.entries].map(([key, entry]) => [key, toPlainData(entry.node)] as const);
  return Object.fromEntries(entries);
}
