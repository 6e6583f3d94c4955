import { type Labels, labelValue, METRIC_NAME } from '../labels.ts';
import type { Family, FamilyType, Role } from './family.ts';

/** What a series belongs to: the resource, known by these two labels. */
export interface ResourceKey {
  readonly job: string;
  readonly instance: string;
}

/** An instrumentation scope as labels describe it. */
export interface ScopeKey {
  readonly name: string;
  readonly version: string;
  readonly schemaUrl: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** A metric of one resource and scope, with the family that it belongs to in one transaction. */
export interface SeriesName {
  readonly metric: string;
  readonly resource: ResourceKey;
  readonly scope: ScopeKey;
  transaction: number;
  family: Family | undefined;
  role: Role;
  nativeTransaction: number;
  nativeFamily: Family | undefined;
}

const SCOPE_PREFIX = 'otel_scope_';

/** Every name, resource and scope once, so that they can be compared by identity. */
export class SeriesNames {
  readonly #resources = new Map<string, ResourceKey>();
  readonly #scopes = new Map<string, ScopeKey>();
  readonly #names = new Map<string, SeriesName>();
  readonly #shapes = new Map<string, number>();
  readonly #numbers = new Map<object, number>();
  /** The name that was found last: series of one name come one after another. */
  #last: SeriesName | undefined;
  /** The scope of labels that describe none. */
  #none: ScopeKey | undefined;

  /** `job` and `instance` stand in where the labels lack them. */
  of(labels: Labels, job: string, instance: string): SeriesName {
    const metric = labelValue(labels, METRIC_NAME);
    const ownJob = labelValue(labels, 'job') || job;
    const ownInstance = labelValue(labels, 'instance') || instance;
    const hasScope = labels.some(([name]) => name.startsWith(SCOPE_PREFIX));
    const last = this.#last;
    if (!hasScope && last?.metric === metric && last.scope === this.#none) {
      if (last.resource.job === ownJob && last.resource.instance === ownInstance) return last;
    }
    const resource = this.resource(ownJob, ownInstance);
    const scope = this.scope(scopeOf(labels));
    if (!hasScope) this.#none = scope;
    const name = this.#named(metric, resource, scope);
    this.#last = name;
    return name;
  }

  #named(metric: string, resource: ResourceKey, scope: ScopeKey): SeriesName {
    const key = `${this.#numberOf(resource)} ${this.#numberOf(scope)} ${metric}`;
    return interned(this.#names, key, () => ({
      metric,
      resource,
      scope,
      transaction: -1,
      family: undefined,
      role: 0,
      nativeTransaction: -1,
      nativeFamily: undefined,
    }));
  }

  resource(job: string, instance: string): ResourceKey {
    return interned(this.#resources, JSON.stringify([job, instance]), () => ({ job, instance }));
  }

  scope(scope: ScopeKey): ScopeKey {
    const { name, version, schemaUrl, attributes } = scope;
    return interned(this.#scopes, JSON.stringify([name, version, schemaUrl, ...attributes]), () => scope);
  }

  /** A number for a family of a resource and scope, by its name and type. */
  shapeId({ resource, scope }: SeriesName, family: string, type: FamilyType): number {
    const key = `${this.#numberOf(resource)} ${this.#numberOf(scope)} ${type} ${family}`;
    return interned(this.#shapes, key, () => this.#shapes.size + 1);
  }

  clear(): void {
    this.#last = undefined;
    this.#none = undefined;
    for (const map of [this.#resources, this.#scopes, this.#names, this.#shapes, this.#numbers]) map.clear();
  }

  #numberOf(key: object): number {
    return interned(this.#numbers, key, () => this.#numbers.size);
  }
}

function interned<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

export const isEmptyScope = ({ name, version, schemaUrl, attributes }: ScopeKey): boolean =>
  name === '' && version === '' && schemaUrl === '' && attributes.size === 0;

function scopeOf(labels: Labels): ScopeKey {
  const attributes = new Map<string, string>();
  for (const [label, value] of labels) {
    if (!label.startsWith(SCOPE_PREFIX) || SCOPE_LABELS.has(label)) continue;
    attributes.set(label.slice(SCOPE_PREFIX.length), value);
  }
  return { ...scopeNames(labels), attributes };
}

/** The labels that say which scope, and not what it is like. */
export const SCOPE_LABELS: ReadonlySet<string> = new Set([
  'otel_scope_name',
  'otel_scope_version',
  'otel_scope_schema_url',
]);

export function scopeNames(labels: Labels): Omit<ScopeKey, 'attributes'> {
  return {
    name: labelValue(labels, 'otel_scope_name'),
    version: labelValue(labels, 'otel_scope_version'),
    schemaUrl: labelValue(labels, 'otel_scope_schema_url'),
  };
}
