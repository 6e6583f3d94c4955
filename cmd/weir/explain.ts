import { COMPONENT_KINDS } from '../../core/component-id.ts';
import { type ConfigRow, describeRows, rowOf } from '../../core/config/describe.ts';
import { nearest } from '../../core/config/nearest.ts';
import type { AnySchema } from '../../core/config/schema.ts';
import type { Factory } from '../../core/factory.ts';
import { SECTION } from '../../service/config/components.ts';
import { service } from '../../service/config/root.ts';
import type { Registry } from '../../service/registry.ts';
import type { Arguments } from './args.ts';
import { registryOf } from './load.ts';
import { UsageError } from './terminal.ts';

/**
 * What a component or one of its keys means: `batch`, `processor/batch.timeout`, `service.telemetry.logs`. The kind is
 * needed only to choose among components of one type; without it all of them are shown.
 */
export async function explain(args: Arguments): Promise<string> {
  const [subject] = args.operands;
  if (subject === undefined) {
    throw new UsageError('explain needs a component or a key: explain batch, explain processor/batch.timeout');
  }
  const [name = '', ...path] = subject.replaceAll('::', '.').split('.');
  if (name === 'service') return explainSchema('service', service, path);
  const found = await find(name, await registryOf(args));
  const texts = found.map((factory) => attempt(() => explainComponent(factory, path)));
  const good = texts.filter((text) => typeof text === 'string');
  const [first] = texts;
  if (good.length === 0 && first instanceof UsageError) throw first;
  return good.join('\n');
}

/** Of several components of one type, those that have the key are explained. */
function attempt(explainOne: () => string): string | UsageError {
  try {
    return explainOne();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

async function find(name: string, registry: Registry): Promise<readonly Factory[]> {
  const slash = name.indexOf('/');
  const type = name.slice(slash + 1);
  const wanted = slash < 0 ? undefined : name.slice(0, slash).replace(/s$/, '');
  const kinds = COMPONENT_KINDS.filter((kind) => wanted === undefined || wanted === kind);
  const found = kinds.map((kind) => registry.find(kind, type)).filter((factory) => factory !== undefined);
  if (found.length > 0) return Promise.all(found);
  const near = nearest(
    type,
    kinds.flatMap((kind) => registry.types(kind)),
  );
  throw new UsageError(
    `there is no ${wanted ?? 'component'} ${type}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

function explainComponent(factory: Factory, path: readonly string[]): string {
  const name = `${factory.kind}/${factory.type}`;
  if (path.length > 0) return explainSchema(name, factory.config, path);
  const aliases = factory.aliases === undefined ? '' : ` (also ${factory.aliases.join(', ')})`;
  const place = `Configured under ${SECTION[factory.kind]}.`;
  return `${name}${aliases}\n  ${factory.description}\n  ${place}\n\n${table(describeRows(factory.config))}`;
}

function explainSchema(name: string, root: AnySchema, path: readonly string[]): string {
  let schema = root;
  for (const [i, step] of path.entries()) {
    const children = schema.children();
    const next = children.find(([key]) => key === step) ?? children.find(([key]) => key === '*' || key === '[]');
    if (next === undefined) {
      const near = nearest(
        step,
        children.map(([key]) => key),
      );
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      throw new UsageError(`${[name, ...path.slice(0, i)].join('.')} has no key ${step}${hint}`);
    }
    schema = next[1];
  }
  const row = rowOf([name, ...path].join('.'), schema);
  const text = row.default === undefined ? '' : `\n  default  ${row.default}`;
  const rows = describeRows(schema);
  const keys = rows.length === 0 ? '' : `\n${table(rows)}`;
  return `${row.key}\n  ${row.doc}\n  type     ${row.type}${text}\n${keys}`;
}

/** Keys indented below their sections, in columns. */
function table(rows: readonly ConfigRow[]): string {
  const depth = (row: ConfigRow): number => row.key.split('.').length;
  const name = (row: ConfigRow): string => `${'  '.repeat(depth(row))}${row.key.slice(row.key.lastIndexOf('.') + 1)}`;
  const kind = (row: ConfigRow): string => (row.default === undefined ? row.type : `${row.type} = ${row.default}`);
  const widthOf = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length));
  const names = widthOf(rows.map(name));
  const kinds = Math.min(widthOf(rows.map(kind)), 32);
  return rows.map((row) => `${name(row).padEnd(names)}  ${kind(row).padEnd(kinds)}  ${row.doc}\n`).join('');
}
