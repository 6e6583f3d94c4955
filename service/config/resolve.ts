import { ConfigError } from '../../core/config/fault.ts';
import { type ConfigNode, goType, isNull, type MapNode } from '../../core/config/node.ts';
import { ExpandError, Expander } from './expand.ts';
import { type Location, type ParsedLocation, parseConfigArgument, parseSet } from './location.ts';
import { mergeNodes, splitKeys } from './merge.ts';
import { type ProviderContext, RetrieveError, retrieve, SCHEMES } from './providers.ts';

export interface ResolveOptions {
  /** `--config` arguments in order. */
  readonly uris: readonly string[];
  /** `--set` arguments in order; they come after all others. */
  readonly sets: readonly string[];
  /** Feature gate confmap.enableMergeAppendOption. */
  readonly append: boolean;
}

const STAGE = 'failed to get config: cannot resolve the configuration';
const START = { source: '', line: 1, column: 1 };

/** Reads, merges and expands all sources. The first fault ends it: what follows would be guesswork. */
export async function resolveConfig(options: ResolveOptions, context: ProviderContext): Promise<MapNode> {
  if (options.uris.length === 0) throw failure('at least one config flag must be provided');
  const locations = [
    ...options.uris.map((uri) => checked(parseConfigArgument(uri), uri)),
    ...options.sets.map((set) => checked(parseSet(set), set)),
  ];
  let merged: MapNode = { kind: 'map', entries: new Map(), at: START };
  for (const location of locations) {
    merged = mergeNodes(merged, splitKeys(await load(location, context)), options.append);
  }
  try {
    return (await new Expander(context).expand(merged)) as MapNode;
  } catch (error) {
    if (error instanceof ExpandError) throw failure(`${STAGE}: ${error.message}`, error.at);
    throw error;
  }
}

function checked(location: ParsedLocation, text: string): Location {
  if ('error' in location) {
    const isSet = location.error === 'missing equal sign';
    throw failure(
      isSet ? `invalid argument ${JSON.stringify(text)} for "--set" flag: ${location.error}` : location.error,
    );
  }
  if (!SCHEMES.includes(location.scheme)) {
    throw failure(`unsupported scheme on URI ${JSON.stringify(text)}`, undefined, `schemes: ${SCHEMES.join(', ')}`);
  }
  return location;
}

async function load(location: Location, context: ProviderContext): Promise<MapNode> {
  try {
    const { node, yamlError } = await retrieve(location, context);
    if (isNull(node)) return { kind: 'map', entries: new Map(), at: node.at };
    if (node.kind === 'map') return node;
    // where it is no YAML, nobody knows which part of the line is a secret
    const kind = yamlError === undefined ? undefined : 'secret';
    throw failure(`${STAGE}: ${notAMap(node, yamlError)}`, node.at, undefined, kind);
  } catch (error) {
    if (!(error instanceof RetrieveError)) throw error;
    throw failure(`${STAGE}: cannot retrieve the configuration: ${error.message}`);
  }
}

function notAMap(node: ConfigNode, yamlError: string | undefined): string {
  const message = `retrieved value (type=${goType(node)}) cannot be used as a Conf`;
  if (yamlError === undefined) return message;
  return `${message}: assuming string type since contents are not valid YAML: ${yamlError}`;
}

function failure(message: string, at?: ConfigNode['at'], hint?: string, kind?: 'secret'): ConfigError {
  return new ConfigError([{ at, section: '', message, hint, kind }]);
}
