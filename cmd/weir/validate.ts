import type { Sources } from '../../service/config/load.ts';
import type { Arguments } from './args.ts';
import { load } from './load.ts';
import type { Terminal } from './terminal.ts';

/** Prints nothing for a good configuration; warnings go to standard error. */
export async function validate(args: Arguments, terminal: Terminal, sources: Sources): Promise<string> {
  const { config } = await load(args, terminal, sources);
  for (const warning of config.warnings) terminal.stderr(`Warning: ${warning}\n`);
  return '';
}
