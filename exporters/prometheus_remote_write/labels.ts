import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import type { ScopeReader } from '../../core/otlp/readers/scope.ts';
import { valueText } from '../../core/otlp/value.ts';
import { remoteLabelName } from '../../core/prometheus/names.ts';
import {
  byName,
  type Common,
  joined,
  type Label,
  type Own,
  withCommon,
} from '../../core/prometheus/remote-write/join-labels.ts';
import { LabelPlan, type PlannedLabel } from '../../core/prometheus/remote-write/label-plan.ts';

export interface LabelOptions {
  readonly utf8: boolean;
  /** Labels may begin with one underscore. */
  readonly permissive: boolean;
  /** Named as they are sent. */
  readonly externalLabels: ReadonlyMap<string, string>;
  readonly scopeInfo: boolean;
  /** Which attributes of the resource every point gets, in place of its own of the same key. */
  readonly promotes: (key: string) => boolean;
}

export type Texts = readonly (readonly [key: string, text: string])[];

/** Names of attributes come from data, so what is kept of them is bounded. */
const MAX_NAMES = 10_000;
/** So many points go without a plan before there is one, or another one. */
const PLAN_AFTER = 4;
/** Points with more attributes than that are rare. */
const MAX_PLACES = 64;
/** What `job` and `instance` are made of. */
export const SERVICE_ATTRIBUTES: ReadonlySet<string> = new Set([
  'service.namespace',
  'service.name',
  'service.instance.id',
]);
/** Attributes of the scope that have a label of their own. */
const SCOPE_FIELDS: ReadonlySet<string> = new Set(['name', 'version', 'schema_url']);

/** The key of an attribute, by its bytes, and the label it becomes. */
interface Known {
  readonly bytes: Buffer;
  readonly key: string;
  readonly name: string;
}

/** Makes the labels of points: tell it the resource, then the scope, then ask for each point. */
export class Labels {
  readonly #options: LabelOptions;
  readonly #names = new Map<string, string>();
  /** By the place of the attribute: points one after another mostly have the same keys. */
  readonly #known: Known[] = [];
  #promoted: Texts = [];
  #promotedKeys: ReadonlySet<string> = new Set();
  #target: Texts = [];
  #common: readonly Common[] = [];
  /** What the last points had in common, until something of it changes. */
  #plan: LabelPlan | undefined;
  #planned = '';
  #misses = 0;

  constructor(options: LabelOptions) {
    this.#options = options;
  }

  /** `job` and `instance` of the resource, where it has them. */
  get target(): Texts {
    return this.#target;
  }

  resource(attributes: Texts): void {
    this.#forgetPlan();
    this.#promoted = attributes.filter(([key]) => this.#options.promotes(key));
    this.#promotedKeys = new Set(this.#promoted.map(([key]) => key));
    // what was known of a place may be promoted now
    if (this.#promotedKeys.size > 0) this.#known.length = 0;
    this.#target = targetLabels(attributes);
  }

  scope(scope: ScopeReader): void {
    this.#forgetPlan();
    const labels: (readonly [string, string])[] = [];
    if (this.#options.scopeInfo) {
      for (const [key, text] of textsOf(scope.attributes)) {
        if (!SCOPE_FIELDS.has(key)) labels.push([this.#name(`otel_scope_${key}`), text]);
      }
      if (scope.name !== '') labels.push([this.#name('otel_scope_name'), scope.name]);
      if (scope.version !== '') labels.push([this.#name('otel_scope_version'), scope.version]);
    }
    this.#common = this.#commonWith(labels);
  }

  /** How points of a metric get their labels, which is worth to be found out where several have the same keys. */
  planFor(metric: string): LabelPlan | undefined {
    if (metric === this.#planned) return this.#plan;
    this.#forgetPlan();
    this.#planned = metric;
    return undefined;
  }

  /** Tells of a point that the plan was not good for: others may be like it. */
  replan(attributes: Attributes): void {
    if (++this.#misses % PLAN_AFTER === 0) this.#plan = this.#planOf(attributes);
  }

  /** Sorted by name, without `__name__`. Throws where an attribute cannot be a label. */
  ofPoint(attributes: Attributes): Label[] {
    const own: Own[] = [];
    attributes.rewind();
    for (let i = 0; attributes.next(); i++) {
      const value = valueText(attributes.buffer, attributes.valueStart, attributes.valueEnd);
      // a key without a value needs no name, which it may not have
      if (value === '') continue;
      const known = this.#known[i];
      if (known !== undefined && attributes.keyIs(known.bytes)) own.push({ key: known.key, name: known.name, value });
      else this.#addUnknown(own, attributes.key(), value, i);
    }
    for (const [key, value] of this.#promoted) if (value !== '') own.push({ key, name: this.#name(key), value });
    return withCommon(joined(own), this.#common);
  }

  /** Of `target_info`: the attributes that `job` and `instance` are not made of. */
  ofTarget(attributes: Texts, nameOf: (key: string) => string): Label[] {
    const others = attributes.filter(([key, text]) => text !== '' && !SERVICE_ATTRIBUTES.has(key));
    const own = others.map(([key, value]): Own => ({ key, name: nameOf(key), value }));
    return withCommon(joined(own), this.#commonWith([]));
  }

  #forgetPlan(): void {
    this.#plan = undefined;
    this.#planned = '';
    this.#misses = 0;
  }

  /** Undefined where labels exclude or join each other, and where a key has no value and so perhaps no name. */
  #planOf(attributes: Attributes): LabelPlan | undefined {
    const keys: Buffer[] = [];
    const labels: PlannedLabel[] = [{ name: '__name__', value: this.#planned }];
    attributes.rewind();
    for (let place = 0; attributes.next(); place++) {
      const key = attributes.key();
      const value = valueText(attributes.buffer, attributes.valueStart, attributes.valueEnd);
      if (value === '' || this.#promotedKeys.has(key)) return undefined;
      keys.push(Buffer.from(key));
      labels.push({ name: this.#name(key), place });
    }
    for (const [key, value] of this.#promoted) if (value !== '') labels.push({ name: this.#name(key), value });
    for (const { name, value } of this.#common) labels.push({ name, value });
    labels.sort(byName);
    const isPlain = labels.every(
      (label, i) => label.name !== labels[i - 1]?.name && (!('value' in label) || label.value !== ''),
    );
    return isPlain ? new LabelPlan(keys, labels) : undefined;
  }

  #commonWith(scope: Texts): Common[] {
    const common = new Map<string, Common>();
    const add =
      (weak: boolean) =>
      ([name, value]: Label) =>
        common.set(name, { name, value, weak });
    [...this.#options.externalLabels].forEach(add(true));
    this.#target.forEach(add(false));
    scope.forEach(add(false));
    return [...common.values()].sort(byName);
  }

  #addUnknown(own: Own[], key: string, value: string, place: number): void {
    if (this.#promotedKeys.has(key)) return;
    const name = this.#name(key);
    own.push({ key, name, value });
    if (place < MAX_PLACES) this.#known[place] = { bytes: Buffer.from(key), key, name };
  }

  #name(key: string): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = remoteLabelName(key, this.#options.utf8, this.#options.permissive);
      if (this.#names.size >= MAX_NAMES) this.#names.clear();
      this.#names.set(key, name);
    }
    return name;
  }
}

/** Attributes as texts, in the order they came. */
export function textsOf(attributes: Attributes): [string, string][] {
  const texts: [string, string][] = [];
  attributes.rewind();
  while (attributes.next()) {
    texts.push([attributes.key(), valueText(attributes.buffer, attributes.valueStart, attributes.valueEnd)]);
  }
  return texts;
}

function targetLabels(attributes: Texts): Texts {
  const find = (wanted: string) => attributes.find(([key]) => key === wanted)?.[1];
  const namespace = find('service.namespace');
  const name = find('service.name') ?? '';
  const instance = find('service.instance.id') ?? '';
  const job = name === '' || namespace === undefined ? name : `${namespace}/${name}`;
  const labels = [
    ['job', job],
    ['instance', instance],
  ] as const;
  return labels.filter(([, text]) => text !== '');
}
