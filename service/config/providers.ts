import { readFile } from 'node:fs/promises';
import type { ConfigNode } from '../../core/config/node.ts';
import { parseYaml } from '../../core/config/yaml.ts';
import { fileFault } from '../../core/file-fault.ts';
import { formatLocation, type Location } from './location.ts';

/** What stands behind a location. */
export interface Retrieved {
  readonly text: string;
  /** The text as YAML; a plain string when it is none. */
  readonly node: ConfigNode;
  /** Why the text is no YAML. */
  readonly yamlError?: string;
}

/** What providers are told and tell. */
export interface ProviderContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Dates without quotes are no text. */
  readonly strict: boolean;
  warn(line: string): void;
  /** Keeps a text for excerpts in error messages. Only what the user wrote as configuration, never a variable. */
  keepSource(name: string, text: string): void;
}

/** A location that cannot be read; the message is the collector's. */
export class RetrieveError extends Error {}

/** The name of the text of a `yaml:` location. */
const INLINE = 'yaml:';

/** Those of the kept texts that are files, by path. */
export function filesOf(sources: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...sources].filter(([name]) => name !== INLINE));
}

type Provider = (opaque: string, context: ProviderContext) => Promise<{ text: string; source: string }>;

const PROVIDERS: ReadonlyMap<string, Provider> = new Map<string, Provider>([
  ['file', readFromFile],
  ['env', readFromEnv],
  ['yaml', async (opaque, context) => kept(context, INLINE, opaque)],
  ['http', (opaque) => download(`http:${opaque}`)],
  ['https', (opaque) => download(`https:${opaque}`)],
]);

export const SCHEMES: readonly string[] = [...PROVIDERS.keys()].sort();

export async function retrieve(location: Location, context: ProviderContext): Promise<Retrieved> {
  const provider = PROVIDERS.get(location.scheme);
  if (provider === undefined) {
    throw new RetrieveError(
      `scheme ${JSON.stringify(location.scheme)} is not supported for uri ${JSON.stringify(formatLocation(location))}`,
    );
  }
  const { text, source } = await provider(location.opaque, context);
  const parsed = parseYaml(text, source, { dates: context.strict });
  const raw: ConfigNode = { kind: 'scalar', value: text, at: { source, line: 1, column: 1 } };
  if ('error' in parsed) return { text, node: { ...raw, at: parsed.at }, yamlError: parsed.error };
  // Text that YAML reads as a string stays as it is, quotes included.
  const isText = parsed.node.kind === 'scalar' && typeof parsed.node.value === 'string';
  return { text, node: isText ? raw : parsed.node };
}

function kept(context: ProviderContext, source: string, text: string): { text: string; source: string } {
  context.keepSource(source, text);
  return { text, source };
}

async function readFromFile(path: string, context: ProviderContext): Promise<{ text: string; source: string }> {
  try {
    return kept(context, path, decode(await readFile(path)));
  } catch (error) {
    if (error instanceof RetrieveError) throw error;
    throw new RetrieveError(`unable to read the file file:${path}: ${fileFault(path, error)}`);
  }
}

/** UTF-8, or what a byte order mark says. */
function decode(bytes: Uint8Array): string {
  const mark = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff;
  const encoding = mark === true ? 'utf-16be' : mark || 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new RetrieveError(`yaml: the text is not ${encoding.toUpperCase()}`);
  }
}

const ENV_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

async function readFromEnv(opaque: string, context: ProviderContext): Promise<{ text: string; source: string }> {
  const cut = opaque.indexOf(':-');
  const name = cut < 0 ? opaque : opaque.slice(0, cut);
  if (!ENV_NAME.test(name)) {
    const rule = '^[a-zA-Z_][a-zA-Z0-9_]*$';
    throw new RetrieveError(`environment variable ${JSON.stringify(name)} has invalid name: must match regex ${rule}`);
  }
  const source = `env:${name}`;
  const value = context.env[name];
  if (value !== undefined) return { text: value, source };
  if (cut >= 0) return { text: opaque.slice(cut + 2), source };
  context.warn(`Configuration references unset environment variable ${JSON.stringify(name)}`);
  return { text: '', source };
}

/** A configuration server that does not answer must not keep the process from saying so. */
const DOWNLOAD_TIMEOUT_MS = 30_000;

async function download(url: string): Promise<{ text: string; source: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
    if (response.status !== 200) {
      throw new RetrieveError(
        `failed to load resource from uri ${JSON.stringify(url)}. status code: ${response.status}`,
      );
    }
    return { text: await response.text(), source: url };
  } catch (error) {
    if (error instanceof RetrieveError) throw error;
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new RetrieveError(`unable to download the file via HTTP GET for uri ${JSON.stringify(url)}: ${reason}`);
  }
}
