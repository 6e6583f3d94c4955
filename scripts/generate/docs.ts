import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeRows } from '../../core/config/describe.ts';
import type { Factory, Surface } from '../../core/factory.ts';
import type { Found } from './scan.ts';

/** A committed file as it should be. */
export interface Output {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly content: string;
}

export const OPTIONS_START = '<!-- options:start -->';
export const OPTIONS_END = '<!-- options:end -->';

/** The index of components and, in each component's README, the table of its options. */
export function docs(root: string, components: readonly Found[]): Output[] {
  const index = { file: 'docs/components.md', content: componentIndex(components) };
  const readmes = components.flatMap((component) => readme(root, component) ?? []);
  return [index, ...readmes];
}

function componentIndex(components: readonly Found[]): string {
  const rows = components.map(({ kind, folder, factory }) => {
    const names = [factory.type, ...(factory.aliases ?? [])].map((name) => `\`${name}\``).join(', ');
    const cells = [
      kind,
      `[${names}](../${folder}/README.md)`,
      factory.description,
      signalsOf(factory),
      surfaceOf(factory),
    ];
    return `| ${cells.join(' | ')} |\n`;
  });
  return [
    '# Components\n\nWritten by `npm run generate`. `weir components` prints what a build contains, and\n',
    '`weir explain TYPE[.key]` explains an option.\n\n',
    '| Kind | Type | What it does | Signals | Touches |\n| --- | --- | --- | --- | --- |\n',
    ...rows,
  ].join('');
}

/** `traces, metrics (beta)`; of a connector `traces → metrics`. */
function signalsOf(factory: Factory): string {
  if (factory.kind === 'extension') return '–';
  const byStability = new Map<string, string[]>();
  const add = (stability: string, text: string) =>
    byStability.set(stability, [...(byStability.get(stability) ?? []), text]);
  if (factory.kind === 'connector') {
    for (const [from, targets] of Object.entries(factory.signals)) {
      for (const [to, stability] of Object.entries(targets)) add(stability, `${from} → ${to}`);
    }
  } else {
    for (const [signal, stability] of Object.entries(factory.signals)) add(stability, signal);
  }
  return [...byStability].map(([stability, list]) => `${list.join(', ')} (${stability})`).join('; ');
}

function surfaceOf({ surface }: Factory): string {
  const files: Record<NonNullable<Surface['files']>, string> = {
    read: 'reads files',
    write: 'writes files',
    both: 'reads and writes files',
  };
  const parts = [
    surface.listens && 'listens',
    surface.dials && 'dials out',
    surface.files && files[surface.files],
    surface.stateful && 'keeps state',
  ];
  return parts.filter(Boolean).join(', ') || 'nothing';
}

function readme(root: string, { folder, factory }: Found): Output | undefined {
  const file = `${folder}/README.md`;
  const path = join(root, file);
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  const start = text.indexOf(OPTIONS_START);
  const end = text.indexOf(OPTIONS_END);
  if (start < 0 || end < start) return undefined;
  const table = `${OPTIONS_START}\n${optionsTable(factory)}`;
  return { file, content: `${text.slice(0, start)}${table}${text.slice(end)}` };
}

function optionsTable(factory: Factory): string {
  const rows = describeRows(factory.config);
  if (rows.length === 0) return 'No options.\n';
  const lines = rows.map((row) => {
    const fallback = row.default === undefined || row.default === '' ? '' : `\`${row.default}\``;
    return `| \`${row.key}\` | ${row.type} | ${escapeCell(fallback)} | ${escapeCell(row.doc)} |\n`;
  });
  return ['| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n', ...lines].join('');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
