import { type EndpointSlice, type Endpoints, endpointSliceOf, endpointsOf } from './endpoint-objects.ts';
import {
  type Ingress,
  ingressOf,
  type KubernetesObject,
  metaOf,
  type Node,
  nodeOf,
  ownerOf,
  type Pod,
  podOf,
  type Service,
  serviceOf,
} from './objects.ts';

/** The kinds of objects that discovery reads. */
export interface Kinds {
  readonly pod: Pod;
  readonly service: Service;
  readonly endpoints: Endpoints;
  readonly endpointslice: EndpointSlice;
  readonly node: Node;
  readonly ingress: Ingress;
  readonly namespace: KubernetesObject;
  readonly replicaset: KubernetesObject;
  readonly job: KubernetesObject;
}
export type Kind = keyof Kinds;

interface KindSpec<T> {
  /** Where the API has them. */
  readonly api: string;
  readonly resource: string;
  readonly namespaced: boolean;
  readonly read: (json: unknown) => T;
}

export const KINDS: { readonly [K in Kind]: KindSpec<Kinds[K]> } = {
  pod: { api: '/api/v1', resource: 'pods', namespaced: true, read: podOf },
  service: { api: '/api/v1', resource: 'services', namespaced: true, read: serviceOf },
  endpoints: { api: '/api/v1', resource: 'endpoints', namespaced: true, read: endpointsOf },
  endpointslice: {
    api: '/apis/discovery.k8s.io/v1',
    resource: 'endpointslices',
    namespaced: true,
    read: endpointSliceOf,
  },
  node: { api: '/api/v1', resource: 'nodes', namespaced: false, read: nodeOf },
  ingress: { api: '/apis/networking.k8s.io/v1', resource: 'ingresses', namespaced: true, read: ingressOf },
  namespace: { api: '/api/v1', resource: 'namespaces', namespaced: false, read: (json) => ({ meta: metaOf(json) }) },
  replicaset: { api: '/apis/apps/v1', resource: 'replicasets', namespaced: true, read: ownerOf },
  job: { api: '/apis/batch/v1', resource: 'jobs', namespaced: true, read: ownerOf },
};

/** The path of all objects of a kind, in one namespace or, where that is empty, in all. */
export function pathOf(kind: Kind, namespace: string): string {
  const { api, resource, namespaced } = KINDS[kind];
  const within = namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${api}${within}/${resource}`;
}

/** `namespace/name`, or the name alone of what is of the whole cluster. */
export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  namespace === '' ? name : `${namespace}/${name}`;

/** Names an object of any kind: `pod:default/web-1`. */
export const reference = (kind: Kind, key: string): string => `${kind}:${key}`;
