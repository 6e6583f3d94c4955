import type { ApiObject } from './kubernetes-api.ts';

type Labels = Record<string, string>;
interface Meta {
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly owner?: readonly [kind: string, name: string];
}

/** Metadata as the API has it. */
export function meta(namespace: string | undefined, name: string, { labels, annotations, owner }: Meta = {}) {
  const [kind, ownerName] = owner ?? [];
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: `uid-of-${name}`,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(owner === undefined
      ? {}
      : {
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Other', name: 'other', uid: '0' },
            { apiVersion: 'v1', kind, name: ownerName, uid: '1', controller: true },
          ],
        }),
    managedFields: [{ manager: 'somebody', operation: 'Update' }],
  };
}

const port = (name: string, containerPort: number, protocol = 'TCP') => ({ name, containerPort, protocol });

interface PodParts {
  readonly ip?: string;
  readonly node?: string;
  readonly phase?: string;
  readonly ready?: string;
  readonly containers: readonly {
    readonly name: string;
    readonly image: string;
    readonly ports?: readonly unknown[];
  }[];
  readonly initContainers?: PodParts['containers'];
}

export function pod(namespace: string, name: string, parts: PodParts, about: Meta = {}): ApiObject {
  const statuses = (list: PodParts['containers'] = []) =>
    list.map((container) => ({ name: container.name, containerID: `containerd://${name}-${container.name}` }));
  return {
    metadata: meta(namespace, name, about),
    spec: {
      ...(parts.node === undefined ? {} : { nodeName: parts.node }),
      containers: parts.containers,
      ...(parts.initContainers === undefined ? {} : { initContainers: parts.initContainers }),
    },
    status: {
      phase: parts.phase ?? 'Running',
      hostIP: '192.168.1.10',
      ...(parts.ip === undefined ? {} : { podIP: parts.ip }),
      ...(parts.ready === undefined ? {} : { conditions: [{ type: 'Ready', status: parts.ready }] }),
      containerStatuses: statuses(parts.containers),
      initContainerStatuses: statuses(parts.initContainers),
    },
  };
}

/** In all states that pods can be in. */
export const PODS: readonly ApiObject[] = [
  pod(
    'shop',
    'web-1',
    {
      ip: '10.1.0.1',
      node: 'worker-1',
      ready: 'True',
      containers: [
        { name: 'web', image: 'web:1.2', ports: [port('http', 8080), port('metrics', 9102)] },
        { name: 'sidecar', image: 'proxy:3' },
        { name: 'dns', image: 'dns:1', ports: [port('dns', 53, 'UDP')] },
      ],
      initContainers: [{ name: 'setup', image: 'setup:1', ports: [port('setup', 7070)] }],
    },
    {
      labels: { app: 'web', 'app.kubernetes.io/name': 'web', 'leer-ä': '' },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9102', 'some/übung': 'x' },
      owner: ['ReplicaSet', 'web-abc'],
    },
  ),
  pod(
    'shop',
    'web-2',
    {
      ip: 'fd00::2',
      node: 'worker-2',
      ready: 'False',
      containers: [{ name: 'web', image: 'web:1.2', ports: [port('http', 8080), port('', 9102)] }],
    },
    { labels: { app: 'web' }, owner: ['ReplicaSet', 'web-abc'] },
  ),
  pod(
    'batch',
    'nightly-1',
    { ip: '10.1.0.3', node: 'worker-1', phase: 'Succeeded', containers: [{ name: 'job', image: 'job:1' }] },
    { owner: ['Job', 'nightly-123'] },
  ),
  pod('batch', 'starting', { phase: 'Pending', containers: [{ name: 'a', image: 'a', ports: [port('p', 80)] }] }),
  pod('batch', 'lost', {
    ip: '10.1.0.9',
    node: 'gone',
    ready: 'Unknown',
    containers: [{ name: 'a', image: 'a', ports: [port('p', 80)] }],
  }),
];
