import type { ApiObject } from './kubernetes-api.ts';
import { meta, PODS } from './kubernetes-pods.ts';

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
  pods: PODS,
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

const ATTACH = 'attach_metadata: {node: true, namespace: true, deployment: true, job: true, cronjob: true}';

/** Name to the keys of a kubernetes_sd_configs entry: each role alone, and with whatever else it can have. */
export const KUBERNETES_JOBS: Readonly<Record<string, string>> = {
  pod: 'role: pod',
  'pod-attach': `role: pod, ${ATTACH}`,
  'pod-selected': 'role: pod, selectors: [{role: pod, label: app=web, field: spec.nodeName=worker-1}]',
  'pod-namespaces': 'role: pod, namespaces: {names: [batch, nowhere]}',
  'pod-node-selector': 'role: pod, attach_metadata: {node: true}, selectors: [{role: node, label: pool=b}]',
  service: 'role: service',
  'service-attach': `role: service, ${ATTACH}`,
  endpoints: 'role: endpoints',
  'endpoints-attach': `role: endpoints, ${ATTACH}`,
  endpointslice: 'role: endpointslice',
  'endpointslice-attach': `role: endpointslice, ${ATTACH}`,
  node: 'role: node',
  ingress: 'role: ingress',
  'ingress-attach': `role: ingress, ${ATTACH}`,
};
