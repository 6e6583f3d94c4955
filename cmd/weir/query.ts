import type { Sources } from '../../service/config/load.ts';
import type { Arguments } from './args.ts';
import { configuredTarget, namedTarget, open } from './clickhouse-target.ts';
import { type Terminal, UsageError } from './terminal.ts';

/** Formats of ClickHouse for those of the command. All are written row by row, or block by block. */
const FORMATS: Readonly<Record<string, string>> = {
  '': 'PrettyCompact',
  table: 'PrettyCompact',
  json: 'JSONEachRow',
  csv: 'CSVWithNames',
};

/** NaN and infinities are JSON texts; without it they would be null. */
const JSON_SETTINGS = { output_format_json_quote_denormals: '1' };

/** `query "SELECT …"`: prints the answer as it comes. It only reads. */
export async function query(args: Arguments, terminal: Terminal, sources: Sources): Promise<string> {
  const [sql = ''] = args.operands;
  if (sql.trim() === '') throw new UsageError('query needs one argument: the SQL');
  const format = Object.hasOwn(FORMATS, args.format) ? FORMATS[args.format] : undefined;
  if (format === undefined) throw new UsageError(`unknown format ${JSON.stringify(args.format)}: table, json or csv`);
  const params = parameters(args.param);
  const configured = args.config.length > 0;
  if (configured && args.endpoint !== '') throw new UsageError('either --config or --endpoint');
  const target = configured ? await configuredTarget(args, terminal, sources) : namedTarget(args, terminal);
  const ch = await open(target, false);
  try {
    const settings = format === FORMATS.json ? JSON_SETTINGS : {};
    for await (const piece of ch.query({ sql, format, params, settings })) {
      if (!(await taken(terminal, piece))) break;
    }
    return '';
  } finally {
    await ch.close();
  }
}

/** False once nobody reads any more, as behind `| head`. */
async function taken(terminal: Terminal, piece: Uint8Array): Promise<boolean> {
  try {
    await terminal.write(piece);
    return true;
  } catch {
    return false;
  }
}

function parameters(pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new UsageError(`--param ${JSON.stringify(pair)} is not name=value`);
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
  });
  return Object.fromEntries(entries);
}
