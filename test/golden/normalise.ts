/** JSON as it was parsed; the documents have the shape of OTLP/JSON, but a faulty one may have any. */
// biome-ignore lint/suspicious/noExplicitAny: documents of any shape are compared
export type Json = any;

/** How a case wants its output compared; `meta.json` has it under `compare`. */
export interface Compare {
  /** Field names left out everywhere. */
  readonly ignore?: readonly string[];
  readonly ignoreAttributes?: readonly string[];
  /** Patterns of metric names left out. */
  readonly ignoreMetrics?: readonly string[];
  readonly ignoreLabels?: readonly string[];
  readonly ignoreHelp?: boolean;
  /** `last`: only the newest point of a series. `sum`: the delta points of a series added up. */
  readonly metrics?: 'last' | 'sum';
  /** `keep`: equal resources and scopes are not merged. */
  readonly groups?: 'keep';
  readonly order?: 'keep';
  /** The items per line count too, in order or sorted. */
  readonly lines?: 'sizes' | 'sizesSorted';
  readonly countOnly?: boolean;
  /** Relative difference allowed between numbers. */
  readonly tolerance?: number;
  readonly perFile?: Readonly<Record<string, Compare>>;
}

const SIGNALS = {
  resourceSpans: { scopes: 'scopeSpans', items: 'spans' },
  resourceMetrics: { scopes: 'scopeMetrics', items: 'metrics' },
  resourceLogs: { scopes: 'scopeLogs', items: 'logRecords' },
} as const;
export const POINT_KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];

/** 64-bit integers, which may be written as numbers or as strings. */
const INTEGERS = new Set([
  ...['intValue', 'asInt', 'count', 'zeroCount', 'bucketCounts'],
  ...['timeUnixNano', 'startTimeUnixNano', 'endTimeUnixNano', 'observedTimeUnixNano'],
]);
/** Fields in which an empty value says something. */
const MEANT_EMPTY = new Set([
  ...[...POINT_KINDS, 'value', 'key', 'asInt', 'asDouble', 'sum', 'min', 'max'],
  ...['stringValue', 'intValue', 'boolValue', 'doubleValue', 'arrayValue', 'kvlistValue', 'bytesValue'],
]);

/** JSON text with sorted keys: equal exactly for equal values. */
export function canonical(value: Json): string {
  return JSON.stringify(value, (_, v) => {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return v;
    return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** The items of one output line: spans, log records or data points. */
export function countItems(doc: Json): number {
  let count = 0;
  for (const [resources, { scopes, items }] of Object.entries(SIGNALS)) {
    for (const resource of doc[resources] ?? []) {
      for (const scope of resource[scopes] ?? []) {
        for (const item of scope[items] ?? []) count += items === 'metrics' ? countPoints(item) : 1;
      }
    }
  }
  return count;
}

function countPoints(metric: Json): number {
  return POINT_KINDS.reduce((sum, kind) => sum + (metric[kind]?.dataPoints?.length ?? 0), 0);
}

/** All lines of an output as one document in which nothing depends on batching, order or spelling of defaults. */
export function normalise(docs: readonly Json[], compare: Compare): Json {
  const sizes = docs.map(countItems);
  if (compare.countOnly) {
    const items = sizes.reduce((a, b) => a + b, 0);
    return compare.lines === undefined ? { items } : { items, lineSizes: sizes.sort((a, b) => a - b) };
  }
  const out: Json = {};
  const unparsable = docs.filter((d) => 'unparsable' in d).map((d) => d.unparsable);
  if (unparsable.length > 0) out.unparsable = unparsable;
  for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
    const all = docs.flatMap((d) => d[signal] ?? []).map((r) => clean(r, compare));
    const result = compare.groups === 'keep' ? sortLoose(all, signal, compare) : mergeResources(all, signal, compare);
    if (result.length > 0) out[signal] = result;
  }
  if (compare.lines !== undefined) {
    out.lineSizes = compare.lines === 'sizesSorted' ? sizes.sort((a, b) => a - b) : sizes;
  }
  return out;
}

function clean(value: Json, compare: Compare, key = ''): Json {
  if (Array.isArray(value)) return cleanList(value, compare, key);
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([k]) => !compare.ignore?.includes(k))
      .map(([k, v]) => [k, clean(v, compare, k)] as const)
      .filter(([k, v]) => v !== null && (MEANT_EMPTY.has(k) || !isDefault(v)));
    return Object.fromEntries(entries);
  }
  return INTEGERS.has(key) && typeof value === 'number' ? String(value) : value;
}

function cleanList(list: Json[], compare: Compare, key: string): Json[] {
  if (key === 'bucketCounts') return list.map(String);
  const cleaned = list.map((v) => clean(v, compare));
  const keyed = key === 'attributes' || key === 'filteredAttributes' || (key === 'values' && list.every((v) => v?.key));
  if (!keyed) return cleaned;
  return cleaned
    .filter((a) => !compare.ignoreAttributes?.includes(a.key))
    .sort((a, b) => compareKeys(a.key ?? '', b.key ?? ''));
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isDefault(v: Json): boolean {
  if (v === '' || v === '0' || v === 0 || v === false) return true;
  return typeof v === 'object' && Object.keys(v).length === 0;
}

function sortLoose(resources: Json[], signal: keyof typeof SIGNALS, compare: Compare): Json[] {
  if (compare.order === 'keep') return resources;
  const { scopes, items } = SIGNALS[signal];
  for (const resource of resources) {
    for (const scope of resource[scopes] ?? []) scope[items]?.sort(byIdentity);
    resource[scopes]?.sort(byIdentity);
  }
  return resources.sort(byIdentity);
}

function mergeResources(resources: Json[], signal: keyof typeof SIGNALS, compare: Compare): Json[] {
  const { scopes, items } = SIGNALS[signal];
  const ordered = (list: Json[]): Json[] => (compare.order === 'keep' ? list : list.sort(byIdentity));
  const merged = merge(resources, ['resource', 'schemaUrl'], scopes).map(([head, inner]) => {
    const groups = merge(inner, ['scope', 'schemaUrl'], items)
      .map(([scope, list]) => ({ ...scope, [items]: items === 'metrics' ? mergeMetrics(list, compare) : list }))
      .filter((scope) => scope[items].length > 0);
    for (const scope of groups) scope[items] = ordered(scope[items]);
    return { ...head, [scopes]: ordered(groups) };
  });
  return ordered(merged.filter((resource) => resource[scopes].length > 0));
}

/** Groups by the values of `keys`; each group is what is not in `list` of the first one, and all lists joined. */
function merge(values: Json[], keys: string[], list: string): [Json, Json[]][] {
  const groups = new Map<string, [Json, Json[]]>();
  for (const value of values) {
    const id = canonical(keys.map((k) => value[k] ?? null));
    const { [list]: inner = [], ...head } = value;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [head, [...inner]]);
    else group[1].push(...inner);
  }
  return [...groups.values()];
}

function mergeMetrics(metrics: Json[], compare: Compare): Json[] {
  const groups = new Map<string, { metric: Json; kind: string; points: Json[] }>();
  for (const metric of metrics) {
    if (compare.ignoreMetrics?.some((p) => new RegExp(p).test(metric.name ?? ''))) continue;
    const kind = POINT_KINDS.find((k) => typeof metric[k] === 'object') ?? '';
    const { dataPoints = [], ...rest } = metric[kind] ?? {};
    const head = kind === '' ? metric : { ...metric, [kind]: rest };
    const id = canonical(head);
    const group = groups.get(id) ?? { metric: head, kind, points: [] };
    group.points.push(...dataPoints);
    groups.set(id, group);
  }
  return [...groups.values()].map(({ metric, kind, points }) => {
    if (kind === '') return metric;
    const combined = compare.metrics === undefined ? points : combine(points, compare.metrics);
    for (const point of combined) point.exemplars?.sort(byIdentity);
    const dataPoints = compare.order === 'keep' ? combined : combined.sort(byIdentity);
    return { ...metric, [kind]: { ...metric[kind], dataPoints } };
  });
}

function combine(points: Json[], how: 'last' | 'sum'): Json[] {
  const series = new Map<string, Json>();
  for (const point of points) {
    const id = canonical(point.attributes ?? []);
    const before = series.get(id);
    series.set(id, before === undefined || how === 'last' ? point : add(before, point));
  }
  return [...series.values()];
}

function add(a: Json, b: Json): Json {
  const sum = { ...a };
  for (const f of ['asInt', 'count', 'zeroCount']) {
    if (f in a || f in b) sum[f] = String(BigInt(a[f] ?? 0) + BigInt(b[f] ?? 0));
  }
  for (const f of ['asDouble', 'sum']) if (f in a || f in b) sum[f] = (a[f] ?? 0) + (b[f] ?? 0);
  if ('min' in a && 'min' in b) sum.min = Math.min(a.min, b.min);
  if ('max' in a && 'max' in b) sum.max = Math.max(a.max, b.max);
  if (a.bucketCounts && b.bucketCounts) {
    sum.bucketCounts = a.bucketCounts.map((n: string, i: number) => String(BigInt(n) + BigInt(b.bucketCounts[i] ?? 0)));
  }
  if (b.exemplars) sum.exemplars = [...(a.exemplars ?? []), ...b.exemplars];
  return sum;
}

/** What identifies an item first, so that a difference is reported on the right one. */
function byIdentity(a: Json, b: Json): number {
  const x = identity(a);
  const y = identity(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

function identity(v: Json): string {
  if (typeof v !== 'object' || v === null) return canonical(v);
  const parts = ['resource', 'scope', 'traceId', 'spanId', 'name', 'body', 'attributes'].map((k) => v[k] ?? '');
  return canonical([...parts, v]);
}
