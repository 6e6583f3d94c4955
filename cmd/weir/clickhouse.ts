import type { ClickHouse } from '../../core/clickhouse/client.ts';
import { readTables } from '../../core/clickhouse/schema/actual.ts';
import { applySchema } from '../../core/clickhouse/schema/apply.ts';
import type { Schema } from '../../core/clickhouse/schema/objects.ts';
import { type SchemaConfig, schemaOf } from '../../core/clickhouse/schema/of-config.ts';
import { type Plan, planSchema } from '../../core/clickhouse/schema/plan.ts';
import { SIGNALS } from '../../core/signal.ts';
import type { Sources } from '../../service/config/load.ts';
import type { Arguments } from './args.ts';
import { configuredTarget, open } from './clickhouse-target.ts';
import { type Terminal, UsageError } from './terminal.ts';

/** `clickhouse plan|apply|show`: compares the tables that an exporter needs with those there are, and makes them. */
export async function clickhouse(args: Arguments, terminal: Terminal, sources: Sources): Promise<string> {
  const [verb = 'plan'] = args.operands;
  if (verb !== 'plan' && verb !== 'apply' && verb !== 'show') {
    throw new UsageError(`unknown command ${JSON.stringify(verb)}: clickhouse plan, apply or show`);
  }
  if (args.config.length === 0) throw new UsageError('clickhouse needs --config FILE, which has the exporter');
  const target = await configuredTarget(args, terminal, sources);
  const ch = await open(target, true);
  try {
    const schema = await schemaOf(target.exporter?.config as SchemaConfig, ch, target.database, SIGNALS);
    if (verb === 'show') return await show(ch, schema);
    if (verb === 'plan') {
      const plan = await planSchema(ch, schema);
      for (const { statement } of plan.changes) terminal.stdout(`${statement};\n\n`);
      return ending(plan, terminal, 'to do: weir clickhouse apply');
    }
    const plan = await applySchema(ch, schema, { applied: ({ statement }) => terminal.stdout(`${statement};\n\n`) });
    return ending(plan, terminal, 'done.');
  } finally {
    await ch.close();
  }
}

function ending({ changes, drift }: Plan, terminal: Terminal, what: string): string {
  for (const line of drift) terminal.stderr(`Differs: ${line}\n`);
  return changes.length === 0 ? 'Nothing to do.\n' : `${changes.length} ${what}\n`;
}

/** Each table with what is in it, and the version. */
async function show(ch: ClickHouse, schema: Schema): Promise<string> {
  const tables = await readTables(ch, schema.database);
  const { version } = await planSchema(ch, schema);
  const lines = schema.objects.map(({ at: { table } }) => {
    const found = tables?.get(table);
    if (found === undefined) return `${table}: not there\n`;
    const kept = found.ttl === '' ? 'no TTL' : `TTL ${found.ttl}`;
    const size = found.query === '' ? `, ${found.rows} rows, ${found.bytes} bytes, ${kept}` : '';
    return `${table}: ${found.engine}${size}\n`;
  });
  const state = version === 0 ? 'never applied' : `version ${version}`;
  return `${schema.database}: schema ${schema.name}, ${state} (this program: ${schema.version})\n${lines.join('')}`;
}
