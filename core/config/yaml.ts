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
import { isDate, resolvePlain, resolveTagged, type Value } from './yaml-scalar.ts';
import { tabFault } from './yaml-tabs.ts';

export type ParsedYaml = { readonly node: ConfigNode } | { readonly error: string; readonly at: Position };

export interface YamlOptions {
  /** Dates without quotes are times, as in Go, which no field takes; else they are text. */
  readonly dates?: boolean;
}

/** A few aliases of aliases grow without end; no configuration that people write comes near. */
const MAX_NODES = 1_000_000;

/**
 * Reads the first document of a YAML text with the value rules of Go's yaml.v3. Each node carries its place. A text
 * that is no YAML gives an error worded `yaml: line 3: …`.
 */
export function parseYaml(text: string, source: string, options: YamlOptions = {}): ParsedYaml {
  const strange = UNPRINTABLE.exec(text);
  if (strange !== null)
    return { error: 'yaml: control characters are not allowed', at: positionIn(text, strange.index, source) };
  const tab = tabFault(text);
  if (tab !== undefined) {
    const at = positionIn(text, tab, source);
    const error = `yaml: line ${at.line}: found character that cannot start any token: a tab; indent with spaces`;
    return { error, at };
  }
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
    const fault = document.errors[0] ?? document.warnings.find(isUnknownDirective);
    if (fault !== undefined) return syntaxFault(fault, source, lines);
    const { yaml } = document.directives ?? {};
    if (yaml?.explicit === true && yaml.version !== '1.1') {
      return { error: 'yaml: found incompatible YAML document: write %YAML 1.1, or nothing', at: start };
    }
    try {
      return { node: new Converter(document, source, lines, options).convert(document.contents as Node | null, start) };
    } catch (error) {
      if (!(error instanceof YamlFault)) throw error;
      return { error: error.message, at: error.at };
    }
  }
  return { node: { kind: 'scalar', value: null, at: start } };
}

const isUnknownDirective = ({ message }: YAMLError): boolean => message.startsWith('Unknown directive');

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
  readonly #dates: boolean;
  readonly #document: Document;
  readonly #source: string;
  readonly #lines: LineCounter;
  readonly #done = new Map<Node, ConfigNode>();
  readonly #sizes = new Map<ConfigNode, number>();
  readonly #open = new Set<Node>();

  constructor(document: Document, source: string, lines: LineCounter, { dates = false }: YamlOptions) {
    this.#dates = dates;
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
    const anchor = isAlias(node) ? node.source : node.anchor;
    if (anchor !== undefined && !ANCHOR.test(anchor)) {
      throw new YamlFault('yaml: did not find expected alphabetic or numeric character in an anchor', at);
    }
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

  #scalar(node: Node, at: Position): Value {
    if (!isScalar(node)) throw new YamlFault('yaml: unexpected kind of node', at);
    const text = node.source ?? String(node.value ?? '');
    const plain = node.type === Scalar.PLAIN && node.tag === undefined;
    if (this.#dates && (plain || node.tag === TIMESTAMP) && isDate(text)) return { value: text, date: true };
    if (node.tag !== undefined && node.tag !== '!') {
      const value = resolveTagged(node.tag, text);
      if (value === undefined) throw new YamlFault(`yaml: cannot decode the value as a ${node.tag}`, at);
      return value;
    }
    return node.type === Scalar.PLAIN ? resolvePlain(node.source ?? text) : { value: text };
  }

  #map(node: YAMLMap<Node, Node | null>, at: Position): MapNode {
    const own = new Map<string, MapEntry>();
    let merged: MapEntry | undefined;
    let size = 1;
    for (const pair of node.items) {
      const keyAt = this.#position(pair.key, at);
      const value = this.convert(pair.value, this.#after(pair, keyAt));
      size += this.#size(value);
      const entry = { keyAt, node: value };
      if (!isMergeKey(pair.key)) this.#addEntry(own, this.#key(pair.key, keyAt), entry);
      else if (merged !== undefined) throw definedTwice('<<', merged, entry);
      else if (isAlias(pair.value) && value.kind === 'list') throw new YamlFault(NO_MERGE, value.at);
      else merged = entry;
    }
    const entries = merged === undefined ? own : this.#merge(own, merged.node);
    return this.#sized({ kind: 'map', entries, at }, size);
  }

  #addEntry(entries: Map<string, MapEntry>, key: string, entry: MapEntry): void {
    const first = entries.get(key);
    if (first !== undefined) throw definedTwice(key, first, entry);
    entries.set(key, entry);
  }

  /** Keys of the map itself win over merged ones, earlier merged maps over later ones. */
  #merge(own: ReadonlyMap<string, MapEntry>, merged: ConfigNode): ReadonlyMap<string, MapEntry> {
    const entries = new Map(own);
    for (const source of merged.kind === 'list' ? merged.items : [merged]) {
      if (source.kind !== 'map') throw new YamlFault(NO_MERGE, source.at);
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

const TIMESTAMP = 'tag:yaml.org,2002:timestamp';
const NO_MERGE = 'yaml: map merge requires map or sequence of maps as the value';
const ANCHOR = /^[\w-]+$/;

function definedTwice(key: string, first: MapEntry, second: MapEntry): YamlFault {
  const message = `line ${second.keyAt.line}: mapping key "${key}" already defined at line ${first.keyAt.line}`;
  return new YamlFault(`yaml: unmarshal errors: ${message}`, second.keyAt);
}

function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN;
}
