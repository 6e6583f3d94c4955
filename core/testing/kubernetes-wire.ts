const TYPES: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  pods: ['v1', 'Pod'],
  services: ['v1', 'Service'],
  endpoints: ['v1', 'Endpoints'],
  nodes: ['v1', 'Node'],
  namespaces: ['v1', 'Namespace'],
  endpointslices: ['discovery.k8s.io/v1', 'EndpointSlice'],
  ingresses: ['networking.k8s.io/v1', 'Ingress'],
  replicasets: ['apps/v1', 'ReplicaSet'],
  jobs: ['batch/v1', 'Job'],
};

/** What an object, or with `List` a list of them, says of itself. */
export function typeOf(resource: string, suffix = ''): { readonly apiVersion: string; readonly kind: string } {
  const [apiVersion, kind] = TYPES[resource] ?? ['v1', resource];
  return { apiVersion, kind: `${kind}${suffix}` };
}

/** An answer or event that says why there is no other. */
export const status = (code: number, message: string, reason = 'Failure') => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code,
});

/** Selectors of the form `a=b,c!=d`. */
export function matches(selector: string | null, read: (name: string) => unknown): boolean {
  const terms = (selector ?? '').split(',').filter((term) => term !== '');
  return terms.every((term) => {
    const [, name = '', negated, wanted] = /^(.*?)(!?)==?(.*)$/.exec(term) ?? [];
    return (read(name) === wanted) === (negated === '');
  });
}

/** `spec.nodeName` */
export const fieldOf = (object: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
