import { createHash } from 'node:crypto';
import type { TargetGroup } from '../discovery/target-group.ts';
import { formatPrometheusDuration, parsePrometheusDuration } from '../duration.ts';
import { type Label, type Labels, LabelsBuilder, labelValue, RESERVED_PREFIX } from '../labels.ts';
import type { Relabeling } from '../relabel.ts';

const META_PREFIX = '__meta_';
const PARAM_PREFIX = '__param_';

/** What a job says of all its targets. Times are milliseconds. */
export interface TargetDefaults {
  readonly job: string;
  readonly interval: number;
  readonly timeout: number;
  readonly metricsPath: string;
  readonly scheme: string;
  readonly params: Readonly<Record<string, readonly string[]>>;
  readonly relabel: Relabeling;
}

/** What is scraped. */
export interface Target {
  /** The same for the same labels and URL. */
  readonly id: string;
  /** Where in its interval it is scraped, in [0, 1). */
  readonly phase: number;
  readonly url: string;
  readonly interval: number;
  readonly timeout: number;
  /** Without reserved ones: those that samples get. */
  readonly labels: Labels;
  /** Before relabeling. */
  readonly discovered: Labels;
}

/** The targets of a group, in their order; `fault` gets what is wrong with one that is left out. */
export function targetsOf(group: TargetGroup, defaults: TargetDefaults, fault: (message: string) => void): Target[] {
  const targets: Target[] = [];
  for (const [i, own] of group.targets.entries()) {
    const discovered = discoveredLabels(own, group.labels, defaults);
    const target = targetOf(discovered, defaults);
    if (typeof target === 'string') fault(`instance ${i} in group ${group.source}: ${target}`);
    else if (target !== undefined) targets.push(target);
  }
  return targets;
}

/** Before relabeling: what discovery found, and what the job says where that says nothing. */
function discoveredLabels(
  own: ReadonlyMap<string, string>,
  shared: ReadonlyMap<string, string>,
  defaults: TargetDefaults,
): Labels {
  const labels = new LabelsBuilder();
  for (const [name, value] of own) labels.set(name, value);
  for (const [name, value] of shared) if (!own.has(name)) labels.set(name, value);
  const said: Label[] = [
    ['job', defaults.job],
    ['__scrape_interval__', formatPrometheusDuration(defaults.interval)],
    ['__scrape_timeout__', formatPrometheusDuration(defaults.timeout)],
    ['__metrics_path__', defaults.metricsPath],
    ['__scheme__', defaults.scheme],
  ];
  for (const [name, [value]] of Object.entries(defaults.params)) {
    if (value !== undefined) said.push([PARAM_PREFIX + name, value]);
  }
  for (const [name, value] of said) if (labels.get(name) === '') labels.set(name, value);
  return labels.labels();
}

/** Undefined where relabeling drops it, a message where it cannot be scraped. */
function targetOf(discovered: Labels, defaults: TargetDefaults): Target | string | undefined {
  const builder = new LabelsBuilder(discovered);
  if (!defaults.relabel(builder)) return undefined;
  const address = builder.get('__address__');
  if (address === '') return 'no address';
  if (address.includes('/')) return `${JSON.stringify(address)} is not a valid hostname`;
  const times = timesOf(builder.get('__scrape_interval__'), builder.get('__scrape_timeout__'));
  if (typeof times === 'string') return times;
  for (const [name] of builder.entries()) if (name.startsWith(META_PREFIX)) builder.delete(name);
  if (builder.get('instance') === '') builder.set('instance', address);
  const all = builder.labels();
  const labels = all.filter(([name]) => !name.startsWith(RESERVED_PREFIX));
  if (labels.length === 0) return undefined;
  const url = urlOf(all, defaults.params);
  if (url === undefined) return `${JSON.stringify(address)} is not a valid hostname`;
  const digest = createHash('sha1')
    .update(JSON.stringify([all, url]))
    .digest();
  const phase = digest.readUIntBE(0, 6) / 2 ** 48;
  return { id: digest.toString('base64'), phase, url, ...times, labels, discovered };
}

function timesOf(interval: string, timeout: string): { readonly interval: number; readonly timeout: number } | string {
  const every = parsePrometheusDuration(interval);
  if ('error' in every) return `error parsing scrape interval: ${every.error}`;
  if (every.ms === 0) return 'scrape interval cannot be 0';
  const most = parsePrometheusDuration(timeout);
  if ('error' in most) return `error parsing scrape timeout: ${most.error}`;
  if (most.ms === 0) return 'scrape timeout cannot be 0';
  if (most.ms > every.ms) {
    return `scrape timeout cannot be greater than scrape interval ("${timeout}" > "${interval}")`;
  }
  return { interval: every.ms, timeout: most.ms };
}

function urlOf(labels: Labels, params: TargetDefaults['params']): string | undefined {
  const query = new Map(Object.entries(params).map(([name, values]) => [name, [...values]]));
  for (const [name, value] of labels) {
    if (!name.startsWith(PARAM_PREFIX)) continue;
    const key = name.slice(PARAM_PREFIX.length);
    query.set(key, [value, ...(query.get(key) ?? []).slice(1)]);
  }
  const search = new URLSearchParams();
  for (const [name, values] of [...query].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const value of values) search.append(name, value);
  }
  const path = labelValue(labels, '__metrics_path__');
  const address = `${labelValue(labels, '__scheme__')}://${labelValue(labels, '__address__')}`;
  const rooted = path === '' || path.startsWith('/') ? path : `/${path}`;
  const text = search.toString();
  // a path is not a query, whatever is in it
  const escaped = encodeURI(rooted).replace(/[?#]/g, encodeURIComponent);
  const url = `${address}${escaped}${text === '' ? '' : `?${text}`}`;
  return URL.canParse(url) ? url : undefined;
}
