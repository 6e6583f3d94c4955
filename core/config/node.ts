/** Where something stands in the user's configuration. `source` is the file path or config URI; 1-based. */
export interface Position {
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

/**
 * A resolved configuration value with its place. `text` is the original text of a scalar that came whole from one
 * `${…}`: a string field takes it literally (`0123`, `true`), any other field takes the YAML-typed `value`.
 */
export type ConfigNode = ScalarNode | MapNode | ListNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  /** `bigint` for integers beyond 2^53. */
  readonly value: string | number | bigint | boolean | null;
  readonly text?: string;
  /** The YAML source of a number, which tells `10` from `10.0`: an integer literal is `int`, else `float64`. */
  readonly float?: boolean;
  readonly at: Position;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly at: Position;
}

export interface MapEntry {
  readonly keyAt: Position;
  readonly node: ConfigNode;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly ConfigNode[];
  readonly at: Position;
}
