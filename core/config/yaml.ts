import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { ConfigNode, MapEntry, MapNode, Position } from './node.ts';
import { resolvePlain, resolveTagged } from './yaml-scalar.ts';

export type ParsedYaml = { readonly node: ConfigNode } | { readonly error: string; readonly at: Position };

/** A few aliases of aliases grow without end; no configuration that people write comes near. */
const MAX_NODES = 1_000_000;

/**
 * Reads the first document of a YAML text with the value rules of Go's yaml.v3. Each node carries its place. A text
 * that is no YAML gives an error worded `yaml: line 3: …`.
 */
export function parseYaml(text: string, source: string): ParsedYaml {
  const strange = UNPRINTABLE.exec(text);
  if (strange !== null)
    return { error: 'yaml: control characters are not allowed', at: positionIn(text, strange.index, source) };
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    schema: 'failsafe',
    version: '1.2',
    merge: false,
    uniqueKeys: false,
    lineCounter: lines,
  });
  const start: Position = { source, line: 1, column: 1 };
  for (const document of composer.compose(parser.parse(text), true, text.length)) {
    const [fault] = document.errors;
    if (fault !== undefined) return syntaxFault(fault, source, lines);
    try {
      return { node: new Converter(document, source, lines).convert(document.contents as Node | null, start) };
    } catch (error) {
      if (!(error instanceof YamlFault)) throw error;
      return { error: error.message, at: error.at };
    }
  }
  return { node: { kind: 'scalar', value: null, at: start } };
}

/** Characters that YAML does not allow in any text. */
const UNPRINTABLE = /[^\t\n\r\x20-\x7e\x85\u{a0}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

function positionIn(text: string, index: number, source: string): Position {
  const before = text.slice(0, index).split('\n');
  return { source, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function syntaxFault(fault: YAMLError, source: string, lines: LineCounter): ParsedYaml {
  const { line, col } = lines.linePos(fault.pos[0]);
  const message = fault.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
  return { error: `yaml: line ${line}: ${message}`, at: { source, line: Math.max(line, 1), column: Math.max(col, 1) } };
}

class YamlFault extends Error {
  readonly at: Position;

  constructor(message: string, at: Position) {
    super(message);
    this.at = at;
  }
}

/** Turns the syntax tree of one document into nodes. Aliases share the node of their anchor. */
class Converter {
  readonly #document: Document;
  readonly #source: string;
  readonly #lines: LineCounter;
  readonly #done = new Map<Node, ConfigNode>();
  readonly #sizes = new Map<ConfigNode, number>();
  readonly #open = new Set<Node>();

  constructor(document: Document, source: string, lines: LineCounter) {
    this.#document = document;
    this.#source = source;
    this.#lines = lines;
  }

  convert(node: Node | null, fallback: Position): ConfigNode {
    if (node === null) return this.#sized({ kind: 'scalar', value: null, at: fallback }, 1);
    const known = this.#done.get(node);
    if (known !== undefined) return known;
    const at = this.#position(node, fallback);
    if (this.#open.has(node)) throw new YamlFault('yaml: anchor value contains itself', at);
    this.#open.add(node);
    const made = this.#make(node, at);
    this.#open.delete(node);
    this.#done.set(node, made);
    return made;
  }

  #make(node: Node, at: Position): ConfigNode {
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) throw new YamlFault('yaml: unknown anchor referenced', at);
      return this.convert(target, at);
    }
    if (isMap(node)) return this.#map(node as YAMLMap<Node, Node | null>, at);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item as Node | null, at));
      return this.#sized({ kind: 'list', items, at }, 1 + items.reduce((sum, item) => sum + this.#size(item), 0));
    }
    return this.#sized({ kind: 'scalar', ...this.#scalar(node, at), at }, 1);
  }

  #scalar(node: Node, at: Position): ReturnType<typeof resolvePlain> {
    if (!isScalar(node)) throw new YamlFault('yaml: unexpected kind of node', at);
    const text = String(node.value ?? '');
    if (node.tag !== undefined && node.tag !== '!') {
      const value = resolveTagged(node.tag, text);
      if (value === undefined) throw new YamlFault(`yaml: cannot decode the value as a ${node.tag}`, at);
      return value;
    }
    return node.type === Scalar.PLAIN && node.tag === undefined ? resolvePlain(node.source ?? text) : { value: text };
  }

  #map(node: YAMLMap<Node, Node | null>, at: Position): MapNode {
    const own = new Map<string, MapEntry>();
    const merged: ConfigNode[] = [];
    let size = 1;
    for (const pair of node.items) {
      const keyAt = this.#position(pair.key, at);
      const value = this.convert(pair.value, this.#after(pair, keyAt));
      size += this.#size(value);
      if (isMergeKey(pair.key)) merged.push(value);
      else this.#addEntry(own, this.#key(pair.key, keyAt), { keyAt, node: value });
    }
    const entries = merged.length === 0 ? own : this.#merge(own, merged);
    return this.#sized({ kind: 'map', entries, at }, size);
  }

  #addEntry(entries: Map<string, MapEntry>, key: string, entry: MapEntry): void {
    const first = entries.get(key);
    if (first !== undefined) {
      const { line } = entry.keyAt;
      const message = `line ${line}: mapping key "${key}" already defined at line ${first.keyAt.line}`;
      throw new YamlFault(`yaml: unmarshal errors: ${message}`, entry.keyAt);
    }
    entries.set(key, entry);
  }

  /** Keys of the map itself win over merged ones, earlier merged maps over later ones. */
  #merge(own: ReadonlyMap<string, MapEntry>, merged: readonly ConfigNode[]): ReadonlyMap<string, MapEntry> {
    const entries = new Map(own);
    for (const source of merged.flatMap((node) => (node.kind === 'list' ? node.items : [node]))) {
      if (source.kind !== 'map')
        throw new YamlFault('yaml: map merge requires map or sequence of maps as the value', source.at);
      for (const [key, entry] of source.entries) if (!entries.has(key)) entries.set(key, entry);
    }
    return entries;
  }

  #key(node: Node, at: Position): string {
    const key = this.convert(node, at);
    if (key.kind !== 'scalar') throw new YamlFault('yaml: a map or list cannot be a key', at);
    return key.value === null ? 'null' : String(key.value);
  }

  #position(node: Node | null, fallback: Position): Position {
    const offset = node?.range?.[0];
    if (offset === undefined) return fallback;
    const { line, col } = this.#lines.linePos(offset);
    return { source: this.#source, line, column: col };
  }

  /** An empty value stands right behind its key. */
  #after(pair: Pair<Node, Node | null>, keyAt: Position): Position {
    return this.#position(pair.value, keyAt);
  }

  #sized<N extends ConfigNode>(node: N, size: number): N {
    if (size > MAX_NODES) throw new YamlFault('yaml: document contains excessive aliasing', node.at);
    this.#sizes.set(node, size);
    return node;
  }
  #size(node: ConfigNode): number {
    return this.#sizes.get(node) ?? 1;
  }
}

function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN;
}
