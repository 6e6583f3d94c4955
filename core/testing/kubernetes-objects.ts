import type { ApiObject } from './kubernetes-api.ts';

type Labels = Record<string, string>;
interface Meta {
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly owner?: readonly [kind: string, name: string];
}

function meta(namespace: string | undefined, name: string, { labels, annotations, owner }: Meta = {}) {
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

const pods: readonly ApiObject[] = [
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

const services: readonly ApiObject[] = [
  {
    metadata: meta('shop', 'web', { labels: { app: 'web' }, annotations: { team: 'shop' } }),
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.1',
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    },
  },
  {
    metadata: meta('shop', 'front'),
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.2',
      loadBalancerIP: '203.0.113.1',
      ports: [{ port: 443, protocol: 'TCP' }],
    },
  },
  {
    metadata: meta('batch', 'outside'),
    spec: {
      type: 'ExternalName',
      externalName: 'db.example.com',
      ports: [{ name: 'db', port: 5432, protocol: 'TCP' }],
    },
  },
  {
    metadata: meta('shop', 'dual', { labels: { app: 'dual' } }),
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.4',
      ipFamilyPolicy: 'PreferDualStack',
      ipFamilies: ['IPv4', 'IPv6'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
  },
];

const podRef = (name: string) => ({ kind: 'Pod', namespace: 'shop', name });
const endpoints: readonly ApiObject[] = [
  {
    metadata: meta('shop', 'web', { labels: { app: 'web' }, annotations: { 'change/time': 'now' } }),
    subsets: [
      {
        addresses: [{ ip: '10.1.0.1', nodeName: 'worker-1', hostname: 'web-one', targetRef: podRef('web-1') }],
        notReadyAddresses: [
          { ip: 'fd00::2', nodeName: 'worker-2', targetRef: podRef('web-2') },
          { ip: '10.1.0.77', nodeName: 'worker-1', targetRef: podRef('unknown') },
        ],
        ports: [
          { name: 'http', port: 8080, protocol: 'TCP' },
          { name: 'other', port: 9999, protocol: 'TCP' },
        ],
      },
    ],
  },
  {
    metadata: meta('shop', 'kubelets'),
    subsets: [
      {
        addresses: [{ ip: '192.168.1.10', targetRef: { kind: 'Node', name: 'worker-1' } }, { ip: '192.168.1.99' }],
        ports: [{ name: 'https', port: 10250, protocol: 'TCP' }],
      },
    ],
  },
  { metadata: meta('batch', 'empty') },
];

const slicePort = (name: string, number: number) => ({ name, port: number, protocol: 'TCP' });
const endpointslices: readonly ApiObject[] = [
  {
    metadata: meta('shop', 'web-xyz', { labels: { 'kubernetes.io/service-name': 'web' } }),
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['10.1.0.1', '10.1.0.111'],
        conditions: { ready: true, serving: true, terminating: false },
        hostname: 'web-one',
        nodeName: 'worker-1',
        zone: 'zone-a',
        targetRef: podRef('web-1'),
        deprecatedTopology: { 'topology.kubernetes.io/zone': 'old-a' },
      },
      { addresses: ['10.1.0.88'], conditions: { ready: false } },
    ],
    ports: [{ ...slicePort('http', 8080), appProtocol: 'http' }, slicePort('other', 9999)],
  },
  {
    metadata: meta('shop', 'nodes-xyz'),
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.168.1.10'], conditions: {}, targetRef: { kind: 'Node', name: 'worker-1' } }],
    ports: [{ name: '' }],
  },
  {
    metadata: meta('shop', 'dual-v4', { labels: { 'kubernetes.io/service-name': 'dual' } }),
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.0.5'], conditions: { ready: true } }],
    ports: [slicePort('http', 80)],
  },
  {
    metadata: meta('shop', 'dual-v6', { labels: { 'kubernetes.io/service-name': 'dual' } }),
    addressType: 'IPv6',
    endpoints: [{ addresses: ['fd00::5'], conditions: { ready: true } }],
    ports: [slicePort('http', 80)],
  },
];

const nodes: readonly ApiObject[] = [
  {
    metadata: meta(undefined, 'worker-1', {
      labels: { 'kubernetes.io/arch': 'amd64', pool: 'a' },
      annotations: { 'volumes.kubernetes.io/attached': 'true' },
    }),
    spec: { providerID: 'aws:///i-1' },
    status: {
      addresses: [
        { type: 'Hostname', address: 'worker-1.local' },
        { type: 'InternalIP', address: '192.168.1.10' },
        { type: 'InternalIP', address: 'fd00::10' },
        { type: 'ExternalDNS', address: 'worker-1.example.com' },
      ],
      conditions: [
        { type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:00Z' },
        { type: 'MemoryPressure', status: 'False', lastHeartbeatTime: '2026-01-01T00:00:00Z' },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  },
  {
    metadata: meta(undefined, 'worker-2', { labels: { pool: 'b' } }),
    status: {
      addresses: [{ type: 'Hostname', address: 'worker-2.local' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  },
  { metadata: meta(undefined, 'nowhere'), status: {} },
];

const ingresses: readonly ApiObject[] = [
  {
    metadata: meta('shop', 'public', { labels: { app: 'web' }, annotations: { 'cert/issuer': 'x' } }),
    spec: {
      ingressClassName: 'nginx',
      tls: [{ hosts: ['*.example.com', 'other.org'] }, {}],
      rules: [
        { host: 'shop.example.com', http: { paths: [{ path: '/' }, { path: '/api' }, {}] } },
        { host: 'a.shop.example.com' },
        { host: 'other.org', http: { paths: [{ path: '/x' }] } },
        { host: 'plain.net', http: { paths: [] } },
        { http: { paths: [{ path: '/any' }] } },
      ],
    },
  },
  { metadata: meta('batch', 'nothing'), spec: { rules: [{ host: 'b.net' }] } },
];

/** A small cluster that has something of everything that targets show. */
export const CLUSTER: Readonly<Record<string, readonly ApiObject[]>> = {
  pods,
  services,
  endpoints,
  endpointslices,
  nodes,
  ingresses,
  namespaces: [
    { metadata: meta(undefined, 'shop', { labels: { team: 'shop' }, annotations: { 'cost/center': '7' } }) },
    { metadata: meta(undefined, 'batch') },
  ],
  replicasets: [{ metadata: meta('shop', 'web-abc', { owner: ['Deployment', 'web'] }) }],
  jobs: [{ metadata: meta('batch', 'nightly-123', { owner: ['CronJob', 'nightly'] }) }],
};
