/**
 * What is kept of an object of the API: what targets show, and no more, as a cluster has tens of thousands of them
 * with many KiB each. Reading is total: what is missing or of another type is empty.
 */
export interface ObjectMeta {
  readonly name: string;
  /** Empty for what is of the whole cluster. */
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** The owner that made the object and manages it. */
  readonly controller: Reference | undefined;
}
export type Labels = readonly (readonly [string, string])[];

export interface Reference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface KubernetesObject {
  readonly meta: ObjectMeta;
}

export interface Port {
  readonly name: string;
  readonly number: number;
  readonly protocol: string;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly id: string;
  readonly init: boolean;
  readonly ports: readonly Port[];
}

export interface Pod extends KubernetesObject {
  readonly ip: string;
  readonly hostIp: string;
  readonly phase: string;
  readonly ready: string;
  readonly nodeName: string;
  readonly containers: readonly Container[];
}

export interface Service extends KubernetesObject {
  readonly type: string;
  readonly clusterIp: string;
  readonly externalName: string;
  readonly loadBalancerIp: string;
  readonly ipFamilyPolicy: string;
  readonly ipFamilies: readonly string[];
  readonly ports: readonly Port[];
}

export interface Node extends KubernetesObject {
  readonly providerId: string;
  readonly kubeletPort: number;
  readonly conditions: Labels;
  readonly addresses: Labels;
}

export interface Ingress extends KubernetesObject {
  /** Undefined where the object names no class. */
  readonly className: string | undefined;
  readonly tlsHosts: readonly string[];
  readonly rules: readonly { readonly host: string; readonly paths: readonly string[] }[];
}

/** The value where a path of keys leads; undefined where it leads nowhere. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}
export function textAt(value: unknown, ...path: readonly string[]): string {
  return maybeTextAt(value, ...path) ?? '';
}
export function maybeTextAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}
export function maybeNumberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : undefined;
}
export function maybeBoolAt(value: unknown, ...path: readonly string[]): boolean | undefined {
  const found = at(value, ...path);
  return typeof found === 'boolean' ? found : undefined;
}
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
export function textsAt(value: unknown, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter((item) => typeof item === 'string');
}
export function labelsAt(value: unknown, ...path: readonly string[]): Labels {
  const found = at(value, ...path);
  if (typeof found !== 'object' || found === null) return [];
  return Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

export function referenceAt(value: unknown, ...path: readonly string[]): Reference | undefined {
  const found = at(value, ...path);
  if (typeof found !== 'object' || found === null) return undefined;
  return { kind: textAt(found, 'kind'), namespace: textAt(found, 'namespace'), name: textAt(found, 'name') };
}

export function metaOf(json: unknown): ObjectMeta {
  return {
    ...ownerOf(json).meta,
    uid: textAt(json, 'metadata', 'uid'),
    labels: labelsAt(json, 'metadata', 'labels'),
    annotations: labelsAt(json, 'metadata', 'annotations'),
  };
}

/** Of an object that is only passed through on the way to who controls it. */
export function ownerOf(json: unknown): KubernetesObject {
  const controller = listAt(json, 'metadata', 'ownerReferences').find((ref) => at(ref, 'controller') === true);
  const [name, namespace] = [textAt(json, 'metadata', 'name'), textAt(json, 'metadata', 'namespace')];
  const of = controller === undefined ? undefined : referenceAt(controller);
  const owner = of === undefined ? undefined : { ...of, namespace };
  return { meta: { name, namespace, uid: '', labels: [], annotations: [], controller: owner } };
}

export const portOf = (json: unknown, numberKey: string): Port => ({
  name: textAt(json, 'name'),
  number: maybeNumberAt(json, numberKey) ?? 0,
  protocol: textAt(json, 'protocol'),
});

export function podOf(json: unknown): Pod {
  const ready = listAt(json, 'status', 'conditions').find((condition) => at(condition, 'type') === 'Ready');
  return {
    meta: metaOf(json),
    ip: textAt(json, 'status', 'podIP'),
    hostIp: textAt(json, 'status', 'hostIP'),
    phase: textAt(json, 'status', 'phase'),
    ready: ready === undefined ? 'unknown' : textAt(ready, 'status').toLowerCase(),
    nodeName: textAt(json, 'spec', 'nodeName'),
    containers: [
      ...containersOf(json, 'containers', 'containerStatuses', false),
      ...containersOf(json, 'initContainers', 'initContainerStatuses', true),
    ],
  };
}

function containersOf(json: unknown, list: string, statuses: string, init: boolean): Container[] {
  const ids = new Map(
    listAt(json, 'status', statuses).map((status) => [textAt(status, 'name'), textAt(status, 'containerID')]),
  );
  return listAt(json, 'spec', list).map((container) => ({
    name: textAt(container, 'name'),
    image: textAt(container, 'image'),
    id: ids.get(textAt(container, 'name')) ?? '',
    init,
    ports: listAt(container, 'ports').map((port) => portOf(port, 'containerPort')),
  }));
}

export function serviceOf(json: unknown): Service {
  return {
    meta: metaOf(json),
    type: textAt(json, 'spec', 'type'),
    clusterIp: textAt(json, 'spec', 'clusterIP'),
    externalName: textAt(json, 'spec', 'externalName'),
    loadBalancerIp: textAt(json, 'spec', 'loadBalancerIP'),
    ipFamilyPolicy: textAt(json, 'spec', 'ipFamilyPolicy'),
    ipFamilies: textsAt(json, 'spec', 'ipFamilies'),
    ports: listAt(json, 'spec', 'ports').map((port) => portOf(port, 'port')),
  };
}

export function nodeOf(json: unknown): Node {
  const pairs = (list: readonly unknown[], value: string): Labels =>
    list.map((item) => [textAt(item, 'type'), textAt(item, value)]);
  return {
    meta: metaOf(json),
    providerId: textAt(json, 'spec', 'providerID'),
    kubeletPort: maybeNumberAt(json, 'status', 'daemonEndpoints', 'kubeletEndpoint', 'Port') ?? 0,
    conditions: pairs(listAt(json, 'status', 'conditions'), 'status'),
    addresses: pairs(listAt(json, 'status', 'addresses'), 'address'),
  };
}

export function ingressOf(json: unknown): Ingress {
  return {
    meta: metaOf(json),
    className: maybeTextAt(json, 'spec', 'ingressClassName'),
    tlsHosts: listAt(json, 'spec', 'tls').flatMap((tls) => textsAt(tls, 'hosts')),
    rules: listAt(json, 'spec', 'rules').map((rule) => ({
      host: textAt(rule, 'host'),
      paths: pathsOf(rule),
    })),
  };
}

/** A rule without paths is for all of them. */
function pathsOf(rule: unknown): readonly string[] {
  if (at(rule, 'http') === undefined) return ['/'];
  return listAt(rule, 'http', 'paths').map((path) => textAt(path, 'path') || '/');
}
