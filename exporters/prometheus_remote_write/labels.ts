import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import type { ScopeReader } from '../../core/otlp/readers/scope.ts';
import { valueText } from '../../core/otlp/value.ts';
import { remoteLabelName } from '../../core/prometheus/names.ts';

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

type Label = readonly [name: string, value: string];

/** Something that every point under a resource and scope has. */
interface Common {
  readonly name: string;
  readonly value: string;
  /** An attribute of that name wins over it. */
  readonly weak: boolean;
}

/** An attribute that is a label. */
interface Own {
  readonly key: string;
  readonly name: string;
  value: string;
}

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

  constructor(options: LabelOptions) {
    this.#options = options;
  }

  /** `job` and `instance` of the resource, where it has them. */
  get target(): Texts {
    return this.#target;
  }

  resource(attributes: Texts): void {
    this.#promoted = attributes.filter(([key]) => this.#options.promotes(key));
    this.#promotedKeys = new Set(this.#promoted.map(([key]) => key));
    // what was known of a place may be promoted now
    if (this.#promotedKeys.size > 0) this.#known.length = 0;
    this.#target = targetLabels(attributes);
  }

  scope(scope: ScopeReader): void {
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

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** Sorted by name; attributes that become one label are joined by a semicolon, in the order of their keys. */
function joined(own: readonly Own[]): Own[] {
  const sorted: Own[] = [];
  // few, and mostly in order already: inserting beats sorting
  for (const one of own) {
    if (one.value === '') continue;
    let at = sorted.length;
    while (at > 0 && after(sorted[at - 1] as Own, one)) at--;
    sorted.splice(at, 0, one);
  }
  for (let i = 1; i < sorted.length; ) {
    const [before, one] = [sorted[i - 1] as Own, sorted[i] as Own];
    if (before.name !== one.name) i++;
    else {
      if (before.value !== one.value) before.value += `;${one.value}`;
      sorted.splice(i, 1);
    }
  }
  return sorted;
}

function after(a: Own, b: Own): boolean {
  return a.name === b.name ? a.key > b.key : a.name > b.name;
}

/** Both are sorted by name. */
function withCommon(own: readonly Own[], common: readonly Common[]): Label[] {
  const labels: Label[] = [];
  let i = 0;
  for (const { name, value, weak } of common) {
    for (; i < own.length && (own[i] as Own).name < name; i++) labels.push(labelOf(own[i] as Own));
    const same = own[i]?.name === name ? own[i++] : undefined;
    if (same !== undefined && weak) labels.push(labelOf(same));
    else if (value !== '') labels.push([name, value]);
  }
  for (; i < own.length; i++) labels.push(labelOf(own[i] as Own));
  return labels;
}

const labelOf = ({ name, value }: Own): Label => [name, value];

/** With one more, in the place of one of that name. */
export function withLabel(labels: readonly Label[], name: string, value: string): Label[] {
  const all = [...labels];
  let at = 0;
  while (at < all.length && (all[at] as Label)[0] < name) at++;
  all.splice(at, all[at]?.[0] === name ? 1 : 0, [name, value]);
  return all;
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
