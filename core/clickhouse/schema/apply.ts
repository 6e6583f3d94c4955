import type { ClickHouse } from '../client.ts';
import { createJournal, remember } from './journal.ts';
import type { Schema } from './objects.ts';
import { type Change, type Plan, planSchema } from './plan.ts';

/**
 * Brings a database to a schema: makes what is missing, adds columns and indexes, and never drops or rewrites anything.
 * Safe to repeat, and to run in several processes at once. Resolves with what it has done and what still differs.
 *
 * @throws Error where a later version of weir has been here
 */
export async function applySchema(
  ch: ClickHouse,
  schema: Schema,
  options: { readonly applied?: (change: Change) => void } = {},
): Promise<Plan> {
  const plan = await planSchema(ch, schema);
  if (plan.version > schema.version) {
    throw new Error(
      `the tables in ${schema.database} are version ${plan.version} of the schema ${schema.name}, this program ` +
        `knows ${schema.version}: use a later one, or make the tables yourself and set create_schema: false`,
    );
  }
  if (plan.changes.length === 0 && plan.version === schema.version) return plan;
  let journal = false;
  for (const change of plan.changes) {
    await ch.command(change.statement);
    // the first change may be the database that it is in
    if (!journal) await ch.command(createJournal(schema));
    journal = true;
    await remember(ch, schema, change.object, change.statement);
    options.applied?.(change);
  }
  if (!journal) await ch.command(createJournal(schema));
  await remember(ch, schema, '', '');
  return plan;
}
