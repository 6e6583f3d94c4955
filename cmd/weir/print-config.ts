import { stringify } from 'yaml';
import type { Sources } from '../../service/config/load.ts';
import type { Arguments } from './args.ts';
import { load } from './load.ts';
import { type Terminal, UsageError } from './terminal.ts';

/** The resolved configuration with all defaults, sorted; secrets only with `--mode unredacted`. */
export async function printConfig(args: Arguments, terminal: Terminal, sources: Sources): Promise<string> {
  if (args.mode !== 'redacted' && args.mode !== 'unredacted') {
    throw new UsageError(`invalid mode ${JSON.stringify(args.mode)}: must be one of: redacted, unredacted`);
  }
  const format = args.format === '' ? 'yaml' : args.format;
  if (format !== 'yaml' && format !== 'json') {
    throw new UsageError(`unrecognized print format: ${format}`);
  }
  const { toPlain } = await load(args, terminal, sources);
  const plain = sorted(toPlain(args.mode === 'unredacted'));
  return format === 'json' ? `${JSON.stringify(plain, null, 2)}\n` : stringify(plain, { indent: 4, lineWidth: 0 });
}

/** Keys in order, so that two prints can be compared. Big integers are written as numbers where they fit. */
function sorted(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
