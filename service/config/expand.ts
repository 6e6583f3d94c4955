import { formatPosition } from '../../core/config/fault.ts';
import type { ConfigNode, MapEntry, Position, ScalarNode } from '../../core/config/node.ts';
import { formatLocation, parseLocation } from './location.ts';
import { type ProviderContext, type Retrieved, RetrieveError, retrieve } from './providers.ts';

/** How often the result of an expansion is expanded again before it counts as endless. */
const MAX_ROUNDS = 1000;
/** All expansions of one configuration together: two endless files that include each other twice double each round. */
const MAX_EXPANSIONS = 100_000;

/** An expansion that fails, with the place of the text that holds it. */
export class ExpandError extends Error {
  readonly at: Position;

  constructor(message: string, at: Position) {
    super(message);
    this.at = at;
  }
}

/** Expands every `${…}` in the values, never in keys, and turns `$$` into `$`. */
export class Expander {
  readonly #context: ProviderContext;
  #left = MAX_EXPANSIONS;

  constructor(context: ProviderContext) {
    this.#context = context;
  }

  async expand(node: ConfigNode, rounds = 0): Promise<ConfigNode> {
    if (node.kind === 'scalar') return typeof node.value === 'string' ? this.#expandString(node, rounds) : node;
    if (node.kind === 'list') {
      const items: ConfigNode[] = [];
      for (const item of node.items) items.push(await this.expand(item, rounds));
      return { ...node, items };
    }
    const entries = new Map<string, MapEntry>();
    for (const [key, entry] of node.entries) {
      entries.set(key, { keyAt: entry.keyAt, node: await this.expand(entry.node, rounds) });
    }
    return { ...node, entries };
  }

  async #expandString(node: ScalarNode, startRounds: number): Promise<ConfigNode> {
    let text = String(node.value);
    let whole = false;
    for (let rounds = startRounds; ; rounds++) {
      const uri = findUri(text);
      if (uri === undefined)
        return { ...node, value: singleDollars(text), ...(whole ? { text: singleDollars(text) } : {}) };
      const retrieved = await this.#retrieve(uri, node.at, rounds);
      if (uri !== text) {
        text = text.replaceAll(uri, () => retrieved.text);
        whole = false;
        continue;
      }
      whole = true;
      const value = retrieved.node;
      if (value.kind !== 'scalar' || typeof value.value !== 'string') {
        return this.#typed(value, retrieved.text, node.at, rounds + 1);
      }
      text = value.value;
    }
  }

  /** A value that is not text keeps, for string fields, the text it came from, expanded on its own. */
  async #typed(value: ConfigNode, original: string, at: Position, rounds: number): Promise<ConfigNode> {
    const expanded = await this.expand(value, rounds);
    const text = await this.#expandText(original, at, rounds);
    return expanded.kind === 'scalar' ? { ...expanded, text, at } : { ...expanded, text };
  }

  async #expandText(original: string, at: Position, startRounds: number): Promise<string> {
    let text = original;
    for (let rounds = startRounds; ; rounds++) {
      const uri = findUri(text);
      if (uri === undefined) return singleDollars(text);
      const retrieved = await this.#retrieve(uri, at, rounds);
      text = text.replaceAll(uri, () => retrieved.text);
    }
  }

  async #retrieve(uri: string, at: Position, rounds: number): Promise<Retrieved> {
    if (rounds >= MAX_ROUNDS || this.#left-- <= 0) throw new ExpandError('too many recursive expansions', at);
    const inner = uri.slice(2, -1);
    const location = parseLocation(inner.includes(':') ? inner : `env:${inner}`);
    if ('error' in location) throw new ExpandError(location.error, at);
    if (location.opaque.includes('$')) {
      const shown = JSON.stringify(formatLocation(location));
      throw new ExpandError(`the uri ${shown} contains unsupported characters ('$')`, at);
    }
    try {
      const warn = (line: string) => this.#context.warn(`${formatPosition(at)}: ${line}`);
      return await retrieve(location, { ...this.#context, warn });
    } catch (error) {
      if (error instanceof RetrieveError) throw new ExpandError(error.message, at);
      throw error;
    }
  }
}

/**
 * The innermost `${…}` that closes first. An odd number of `$` before it escapes it, and with it, as in the collector,
 * everything behind it.
 */
function findUri(text: string): string | undefined {
  let from = 0;
  for (let close = text.indexOf('}'); close >= 0; close = text.indexOf('}', from)) {
    const open = text.slice(from, close).lastIndexOf('${');
    if (open >= 0) {
      const start = from + open;
      let dollars = 0;
      while (start - dollars > from && text[start - dollars - 1] === '$') dollars++;
      return dollars % 2 === 1 ? undefined : text.slice(start, close + 1);
    }
    from = close + 1;
  }
  return undefined;
}

function singleDollars(text: string): string {
  return text.replaceAll('$$', () => '$');
}
