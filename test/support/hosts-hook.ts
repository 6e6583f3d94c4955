/**
 * Loaded into a process before everything else (NODE_OPTIONS=--import): host names are looked up in the JSON file that
 * WEIR_TEST_HOSTS names, anew each time, and only then where they would be.
 */
import dns, { type LookupAddress } from 'node:dns';
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const file = process.env.WEIR_TEST_HOSTS ?? '';
const family = 4;
const known = (host: string): string | undefined => JSON.parse(readFileSync(file, 'utf8'))[host];

type Found = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;
const lookup = dns.lookup as (host: string, options: object, found: Found) => void;

function ownLookup(host: string, ...rest: readonly unknown[]): void {
  const found = rest.at(-1) as Found;
  const given = typeof rest[0] === 'function' ? {} : rest[0];
  const options = (typeof given === 'number' ? { family: given } : (given ?? {})) as { readonly all?: boolean };
  const address = known(host);
  if (address === undefined) lookup(host, options, found);
  else if (options.all === true) process.nextTick(found, null, [{ address, family }]);
  else process.nextTick(found, null, address, family);
}

Object.assign(dns, { lookup: ownLookup });
syncBuiltinESMExports();
