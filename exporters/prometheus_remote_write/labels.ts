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
/** What `job` and `instance` are made of. */
export const SERVICE_ATTRIBUTES: ReadonlySet<string> = new Set([
  'service.namespace',
  'service.name',
  'service.instance.id',
]);
/** Attributes of the scope that have a label of their own. */
const SCOPE_FIELDS: ReadonlySet<string> = new Set(['name', 'version', 'schema_url']);

/** Makes the labels of points: tell it the resource, then the scope, then ask for each point. */
export class Labels {
  readonly #options: LabelOptions;
  readonly #names = new Map<string, string>();
  #promoted: Texts = [];
  #target: Texts = [];
  #scope: Texts = [];

  constructor(options: LabelOptions) {
    this.#options = options;
  }

  /** `job` and `instance` of the resource, where it has them. */
  get target(): Texts {
    return this.#target;
  }

  resource(attributes: Texts): void {
    this.#promoted = attributes.filter(([key]) => this.#options.promotes(key));
    this.#target = targetLabels(attributes);
  }

  scope(scope: ScopeReader): void {
    if (!this.#options.scopeInfo) return;
    const labels: [string, string][] = [];
    for (const [key, text] of textsOf(scope.attributes)) {
      if (!SCOPE_FIELDS.has(key)) labels.push([`otel_scope_${key}`, text]);
    }
    if (scope.name !== '') labels.push(['otel_scope_name', scope.name]);
    if (scope.version !== '') labels.push(['otel_scope_version', scope.version]);
    this.#scope = labels.map(([key, text]) => [this.#name(key), text]);
  }

  /** Throws where an attribute cannot be a label. */
  ofPoint(attributes: Attributes): Map<string, string> {
    const labels = this.#joined(merged(textsOf(attributes), this.#promoted), (key) => this.#name(key));
    this.#addCommon(labels);
    for (const [name, text] of this.#scope) labels.set(name, text);
    return labels;
  }

  /** Of `target_info`: the attributes that `job` and `instance` are not made of. */
  ofTarget(attributes: Texts, nameOf: (key: string) => string): Map<string, string> {
    const others = attributes.filter(([key]) => !SERVICE_ATTRIBUTES.has(key));
    const labels = this.#joined(others, nameOf);
    this.#addCommon(labels);
    return labels;
  }

  #addCommon(labels: Map<string, string>): void {
    for (const [name, text] of this.#target) labels.set(name, text);
    for (const [name, text] of this.#options.externalLabels) if (!labels.has(name)) labels.set(name, text);
  }

  /** Attributes that become one label are joined by a semicolon, in the order of their keys. */
  #joined(attributes: Texts, nameOf: (key: string) => string): Map<string, string> {
    const labels = new Map<string, string>();
    const sorted = attributes.filter(([, text]) => text !== '').sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    for (const [key, text] of sorted) {
      const name = nameOf(key);
      const before = labels.get(name);
      if (before === undefined) labels.set(name, text);
      else if (before !== text) labels.set(name, `${before};${text}`);
    }
    return labels;
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

function merged(attributes: [string, string][], promoted: Texts): Texts {
  for (const [key, text] of promoted) {
    const own = attributes.find((entry) => entry[0] === key);
    if (own === undefined) attributes.push([key, text]);
    else own[1] = text;
  }
  return attributes;
}
