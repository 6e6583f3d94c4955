import type { AnySchema } from './schema.ts';

export interface ConfigRow {
  /** Key path as a user writes it, `sending_queue.batch.min_size`; `*` any key, `[]` any element. */
  readonly key: string;
  /** `string`, `bool`, `int`, `float`, `duration`, `list`, `map`, `secret` … */
  readonly type: string;
  /** As a user would write it; undefined where there is none worth showing. */
  readonly default: string | undefined;
  readonly doc: string;
  /** True for a section: its keys follow. */
  readonly section: boolean;
}

/** One row for each key of a configuration, sections before their keys, for the tables in READMEs and `explain`. */
export function describeRows(schema: AnySchema, prefix = ''): readonly ConfigRow[] {
  return schema.children().flatMap(([key, field]) => {
    const path = prefix === '' || key === '[]' ? `${prefix}${key}` : `${prefix}.${key}`;
    const rows = describeRows(field, path);
    // Elements that are no sections were described with their list or map.
    const anonymous = key === '[]' || key === '*';
    return anonymous && rows.length === 0 ? [] : [...(anonymous ? [] : [rowOf(path, field)]), ...rows];
  });
}

export function rowOf(key: string, field: AnySchema): ConfigRow {
  const section = field.children().some(([name]) => name !== '[]' && name !== '*');
  const text = field.defaultText();
  return { key, type: section ? 'section' : userType(field.typeName), default: text, doc: field.doc, section };
}

/** Go's type names in words that mean something to whoever writes YAML. */
function userType(goName: string): string {
  if (goName.startsWith('[]')) return `list of ${userType(goName.slice(2))}`;
  if (goName.startsWith('map[string]')) return `map of ${userType(goName.slice('map[string]'.length))}`;
  if (/^u?int\d*$/.test(goName)) return 'int';
  const names: Readonly<Record<string, string>> = {
    'time.Duration': 'duration',
    'configopaque.String': 'secret',
    'configopaque.MapList': 'map of secret',
    'component.ID': 'component id',
    float64: 'float',
  };
  return names[goName] ?? (goName.includes('.') ? 'section' : goName);
}
