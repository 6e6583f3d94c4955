import { parseDocument } from 'yaml';
import { describeType } from './json.ts';
import type { TargetGroup } from './target-group.ts';

/** Aliases in a file of targets are a convenience; more of them than this is an attack. */
const MAX_ALIASES = 1000;

/** `[{"targets": ["host:port", …], "labels": {…}}, …]` as JSON, read as strictly as Prometheus does. */
export function readJsonGroups(text: string, source: string, extra: Readonly<Record<string, string>>): TargetGroup[] {
  return groupsOf(JSON.parse(text), source, extra);
}

/** The same as YAML, where any scalar is text as it is written. */
export function readYamlGroups(text: string, source: string, extra: Readonly<Record<string, string>>): TargetGroup[] {
  const document = parseDocument(text, { schema: 'failsafe', merge: true });
  const [fault] = document.errors;
  if (fault !== undefined) throw new Error(`yaml: ${fault.message.split('\n')[0]}`);
  return groupsOf(withNulls(document.toJS({ maxAliasCount: MAX_ALIASES })), source, extra);
}

/** What stands for nothing in YAML is text to the failsafe schema. */
function withNulls(value: unknown): unknown {
  return value === '' || value === '~' || value === 'null' ? null : Array.isArray(value) ? value.map(orNull) : value;
}
const orNull = (item: unknown): unknown => (item === '' || item === '~' || item === 'null' ? null : item);

function groupsOf(value: unknown, source: string, extra: Readonly<Record<string, string>>): TargetGroup[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`expected a list of target groups, got ${describeType(value)}`);
  return value.map((item, i) => groupOf(item, groupSource(source, i), extra));
}

/** Groups have no names of their own: the place in the list is one. */
const groupSource = (source: string, index: number): string => `${source}:${index}`;

/** Groups that take away those of `source` from one index up to another, which are no more. */
export const emptyGroups = (source: string, from: number, to: number): TargetGroup[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => emptyGroup(groupSource(source, from + i)));

export const emptyGroup = (source: string): TargetGroup => ({ source, targets: [], labels: new Map() });

function groupOf(item: unknown, source: string, extra: Readonly<Record<string, string>>): TargetGroup {
  if (item === null) throw new Error('nil target group item found');
  if (typeof item !== 'object' || Array.isArray(item)) {
    throw new Error(`expected a target group, got ${describeType(item)}`);
  }
  const { targets = null, labels = null, ...unknown } = item as Record<string, unknown>;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) throw new Error(`unknown field ${JSON.stringify(stranger)} in a target group`);
  return { source, targets: targetsOf(targets), labels: new Map([...labelsOf(labels), ...Object.entries(extra)]) };
}

function targetsOf(value: unknown): ReadonlyMap<string, string>[] {
  if (value === null || value === '') return [];
  if (!Array.isArray(value)) throw new Error(`targets: expected a list, got ${describeType(value)}`);
  return value.map((target) => {
    if (typeof target !== 'string') throw new Error(`targets: expected text, got ${describeType(target)}`);
    return new Map([['__address__', target]]);
  });
}

function labelsOf(value: unknown): [string, string][] {
  if (value === null || value === '') return [];
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Error(`labels: expected a map, got ${describeType(value)}`);
  }
  return Object.entries(value as Record<string, unknown>).flatMap(([name, text]) => {
    if (typeof text !== 'string') throw new Error(`labels: expected text for ${name}, got ${describeType(text)}`);
    if (name === '') throw new Error('"" is not a valid label name');
    // a label without a value is none
    return text === '' ? [] : [[name, text] as [string, string]];
  });
}
