import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';

/** Of each attempt; with the tries this is what resolvers of C libraries wait as well. */
const TIMEOUT_MS = 5000;
const TRIES = 2;
/** A name with so many dots is tried as it is before the search domains, unless resolv.conf says otherwise. */
const NDOTS = 1;

export type RecordType = 'A' | 'AAAA' | 'MX' | 'NS' | 'SRV';

/** A record; names are rooted, with a dot at the end. */
export interface DnsRecord {
  /** The address of A and AAAA, else a name. */
  readonly value: string;
  /** Of SRV. */
  readonly port?: number;
}

export interface ResolverOptions {
  readonly resolvConf?: string;
  /** `127.0.0.1:5353`, instead of those in resolv.conf. */
  readonly servers?: readonly string[];
  readonly abort?: AbortSignal;
}

/**
 * The records of a name, looked for in the search domains of the system as well. None where every domain says that
 * there are none; rejects where nobody can know because a server failed.
 */
export async function resolveRecords(name: string, type: RecordType, options: ResolverOptions): Promise<DnsRecord[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  options.abort?.addEventListener('abort', () => resolver.cancel(), { once: true });
  let failure: Error | undefined;
  for (const candidate of candidates(name, await searchOf(options.resolvConf ?? '/etc/resolv.conf'))) {
    try {
      return await lookUp(resolver, candidate, type);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // the name is there, without such records
      if (code === 'ENODATA') return [];
      if (code !== 'ENOTFOUND') failure = error as Error;
    }
  }
  if (failure === undefined) return [];
  const why = 'all servers responded with errors to at least one search domain';
  throw new Error(`could not resolve ${JSON.stringify(name)}: ${why} (${failure.message})`);
}

async function lookUp(resolver: Resolver, name: string, type: RecordType): Promise<DnsRecord[]> {
  const rooted = (text: string): string => (text.endsWith('.') ? text : `${text}.`);
  switch (type) {
    case 'A':
      return (await resolver.resolve4(name)).map((value) => ({ value }));
    case 'AAAA':
      return (await resolver.resolve6(name)).map((value) => ({ value }));
    case 'MX':
      return (await resolver.resolveMx(name)).map(({ exchange }) => ({ value: rooted(exchange) }));
    case 'NS':
      return (await resolver.resolveNs(name)).map((value) => ({ value: rooted(value) }));
    case 'SRV':
      return (await resolver.resolveSrv(name)).map((record) => ({ value: rooted(record.name), port: record.port }));
  }
}

interface Search {
  readonly domains: readonly string[];
  readonly ndots: number;
}

/** The names to ask for, in order, as resolvers of C libraries have them. */
export function candidates(name: string, { domains, ndots }: Search): string[] {
  if (name.endsWith('.')) return [name];
  const searched = domains.map((domain) => `${name}.${domain}${domain.endsWith('.') ? '' : '.'}`);
  return name.split('.').length > ndots ? [`${name}.`, ...searched] : [...searched, `${name}.`];
}

async function searchOf(file: string): Promise<Search> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return { domains: [], ndots: NDOTS };
  }
  let search: Search = { domains: [], ndots: NDOTS };
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'search') search = { ...search, domains: words };
    if (keyword === 'domain') search = { ...search, domains: words.slice(0, 1) };
    if (keyword !== 'options') continue;
    const ndots = words.map((word) => /^ndots:(\d+)$/.exec(word)?.[1]).find((n) => n !== undefined);
    if (ndots !== undefined) search = { ...search, ndots: Number(ndots) };
  }
  return search;
}
