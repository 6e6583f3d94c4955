import type { Logger } from '../../logger.ts';
import type { Labels } from '../labels.ts';
import { labelsText, labelValue } from '../labels.ts';
import type { NativeHistogram } from '../native-histogram.ts';
import { numberOf } from '../parse/number.ts';
import type { Exemplar } from '../parse/page.ts';
import { pointAttributes } from './attributes.ts';
import { type Family, FamilySet, Role, roleOf } from './family.ts';
import { type Groups, Has } from './groups.ts';
import type { MetadataStore } from './metadata.ts';
import type { SeriesTable } from './series.ts';
import {
  type ResourceKey,
  SCOPE_LABELS,
  type ScopeKey,
  type SeriesName,
  type SeriesNames,
  scopeNames,
} from './series-name.ts';

const TARGET_INFO = 'target_info';
const SCOPE_INFO = 'otel_scope_info';

/** What a target's scrapes have in common. */
export interface TargetState {
  readonly series: SeriesTable;
  readonly groups: Groups;
  readonly names: SeriesNames;
  readonly metadata: MetadataStore;
  readonly logger: Logger;
  /** The labels of a series as they are sent; undefined for one that is dropped. */
  labelsOf(row: number): Labels;
  /** `otel_scope_info` is a metric like any other. */
  readonly ignoresScopeInfo: boolean;
}

/** What one scrape found: families of resources and scopes, with points in the rows of Groups. */
export class Transaction {
  readonly resources = new Map<ResourceKey, Map<ScopeKey, FamilySet>>();
  /** Attributes that `target_info` adds. */
  readonly resourceAttributes = new Map<ResourceKey, Map<string, string>>();
  /** Attributes that `otel_scope_info` adds. */
  readonly scopeAttributes = new Map<ResourceKey, Map<ScopeKey, Map<string, string>>>();
  readonly #id: number;
  readonly #state: TargetState;

  /** `id`: larger than all before it of this target. */
  constructor(id: number, state: TargetState) {
    this.#id = id;
    this.#state = state;
    state.groups.begin();
  }

  /** Whether labels must be kept for the series with this name: its samples are not points but say something. */
  static isInformation(name: SeriesName, ignoresScopeInfo: boolean): boolean {
    return name.metric === TARGET_INFO || (name.metric === SCOPE_INFO && !ignoresScopeInfo);
  }

  /** Adds a sample; `time` in milliseconds. False where no point of a series came of it. */
  append(row: number, value: number, time: number, stale: boolean): boolean {
    const { series, groups } = this.#state;
    const name = series.names[row] as SeriesName;
    if (this.#takesAsInformation(name, row)) return false;
    if (stale && this.#isNativeHistogram(name)) return this.#appendStaleHistogram(row, name, time);
    const family = this.#familyOf(name);
    const group = series.shapes[row] === family.shape.id ? (series.groups[row] as number) : this.#assign(row, family);
    if (groups.open(group, this.#id, time)) family.rows.push(group);
    else if (groups.times[group] !== time) return this.#warn('inconsistent timestamps on metric points', name, row);
    return this.#set(row, group, name, value, stale);
  }

  appendHistogram(row: number, histogram: NativeHistogram, time: number): boolean {
    const { series, groups } = this.#state;
    const name = series.names[row] as SeriesName;
    if (histogram.gauge) this.#warn('unsupported gauge histogram datapoint', name, row);
    const family = this.#nativeFamilyOf(name);
    const group = series.shapes[row] === family.shape.id ? (series.groups[row] as number) : this.#assign(row, family);
    if (groups.open(group, this.#id, time)) family.rows.push(group);
    else if (groups.times[group] !== time) return this.#warn('inconsistent timestamps on metric points', name, row);
    groups.has[group] = (groups.has[group] as number) | Has.COUNT;
    groups.histograms.set(group, histogram);
    return true;
  }

  /** Adds to the point that the series' sample became part of. */
  addExemplars(row: number, exemplars: readonly Exemplar[]): void {
    const { series, groups } = this.#state;
    const group = series.groups[row] as number;
    if (series.shapes[row] === 0 || !groups.isIn(group, this.#id)) return;
    const known = groups.exemplars.get(group);
    if (known === undefined) groups.exemplars.set(group, [...exemplars]);
    else known.push(...exemplars);
  }

  /** When counting began, in milliseconds since the Unix epoch. */
  setStart(row: number, timestamp: number): void {
    const { series, groups } = this.#state;
    const group = series.groups[row] as number;
    if (series.shapes[row] !== 0 && groups.isIn(group, this.#id)) groups.created[group] = timestamp / 1000;
  }

  #set(row: number, group: number, name: SeriesName, value: number, stale: boolean): boolean {
    const { groups, series } = this.#state;
    let has = groups.has[group] as number;
    switch (name.role) {
      case Role.COUNT:
        groups.counts[group] = value;
        has = (has & ~Has.STALE_COUNT) | Has.COUNT | (stale ? Has.STALE_COUNT : 0);
        break;
      case Role.SUM:
        groups.values[group] = value;
        has = (has & ~Has.STALE_SUM) | Has.SUM | (stale ? Has.STALE_SUM : 0);
        break;
      case Role.CREATED:
        groups.created[group] = stale ? 0 : value;
        return true;
      case Role.BOUND: {
        const bound = series.bounds[row] as number;
        if (Number.isNaN(bound)) return this.#warn('no boundary', name, row);
        groups.addBound(group, bound, value);
        return true;
      }
      default:
        groups.values[group] = value;
        has = (has & ~Has.STALE_VALUE) | Has.VALUE | (stale ? Has.STALE_VALUE : 0);
    }
    groups.has[group] = has;
    return true;
  }

  #familyOf(name: SeriesName): Family {
    if (name.transaction === this.#id && name.family !== undefined) return name.family;
    const family = this.#familiesOf(name).of(name.metric, false);
    name.transaction = this.#id;
    name.family = family;
    name.role = roleOf(name.metric, family);
    return family;
  }

  #nativeFamilyOf(name: SeriesName): Family {
    if (name.nativeTransaction === this.#id && name.nativeFamily !== undefined) return name.nativeFamily;
    name.nativeFamily = this.#familiesOf(name).of(name.metric, true);
    name.nativeTransaction = this.#id;
    return name.nativeFamily;
  }

  #familiesOf(name: SeriesName): FamilySet {
    const { metadata, names } = this.#state;
    const scopes = this.#scopesOf(name.resource);
    let families = scopes.get(name.scope);
    if (families === undefined) {
      families = new FamilySet(metadata, (family, type) => ({ id: names.shapeId(name, family, type), type }));
      scopes.set(name.scope, families);
    }
    return families;
  }

  #scopesOf(resource: ResourceKey): Map<ScopeKey, FamilySet> {
    let scopes = this.resources.get(resource);
    if (scopes === undefined) {
      scopes = new Map();
      this.resources.set(resource, scopes);
    }
    return scopes;
  }

  /** Finds the point that samples of the series are part of, in a family. */
  #assign(row: number, { shape }: Family): number {
    const { series, groups } = this.#state;
    const labels = this.#state.labelsOf(row);
    const group = groups.at(shape.id, pointAttributes(labels, shape.type));
    series.groups[row] = group;
    series.shapes[row] = shape.id;
    const part = shape.type === 'histogram' ? 'le' : shape.type === 'summary' ? 'quantile' : undefined;
    if (part !== undefined) series.bounds[row] = boundOf(labelValue(labels, part));
    return group;
  }

  /** A stale marker does not say of which kind its series was; the page's metadata does. */
  #isNativeHistogram({ metric }: SeriesName): boolean {
    return this.#state.metadata.get(metric)?.type === 'histogram';
  }

  #appendStaleHistogram(row: number, name: SeriesName, time: number): boolean {
    const { series, groups } = this.#state;
    const family = this.#nativeFamilyOf(name);
    const group = series.shapes[row] === family.shape.id ? (series.groups[row] as number) : this.#assign(row, family);
    if (groups.open(group, this.#id, time)) family.rows.push(group);
    else if (groups.times[group] !== time) return false;
    groups.has[group] = Has.COUNT | Has.STALE_COUNT;
    return false;
  }

  /** What describes the resource or a scope is no point. */
  #takesAsInformation(name: SeriesName, row: number): boolean {
    if (!Transaction.isInformation(name, this.#state.ignoresScopeInfo)) return false;
    const labels = this.#state.series.labels.get(row) ?? this.#state.labelsOf(row);
    const described = labels.filter(([label]) => label !== 'job' && label !== 'instance' && label !== '__name__');
    if (name.metric === TARGET_INFO) {
      this.#scopesOf(name.resource);
      const attributes = this.resourceAttributes.get(name.resource) ?? new Map<string, string>();
      for (const [label, value] of described) attributes.set(label, value);
      this.resourceAttributes.set(name.resource, attributes);
    } else {
      const scope = this.#state.names.scope({ ...scopeNames(labels), attributes: new Map() });
      const scopes = this.scopeAttributes.get(name.resource) ?? new Map<ScopeKey, Map<string, string>>();
      scopes.set(scope, new Map(described.filter(([label]) => !SCOPE_LABELS.has(label))));
      this.scopeAttributes.set(name.resource, scopes);
    }
    return true;
  }

  #warn(reason: string, { metric }: SeriesName, row: number): false {
    const labels = labelsText(this.#state.labelsOf(row));
    this.#state.logger.warn('failed to add datapoint', { error: reason, metric_name: metric, labels });
    return false;
  }
}

const boundOf = (text: string): number => (text === '' ? Number.NaN : (numberOf(text) ?? Number.NaN));
