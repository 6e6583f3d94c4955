import { hostPort } from '../host-port.ts';
import type { TargetGroup } from '../target-group.ts';
import type { Role } from './config.ts';
import { buildEndpointSlice, buildEndpoints } from './endpoints.ts';
import { type Kind, type Kinds, keyOf, reference } from './kinds.ts';
import { type Cluster, labelName, MetaLabels } from './labels.ts';
import type { Ingress, Node, ObjectMeta, Pod, Reference, Service } from './objects.ts';

type Built = Omit<TargetGroup, 'source'>;

/** What one role makes of the objects it is about. */
interface RoleSpec<K extends Kind> {
  /** Start of the names of its groups. */
  readonly source: string;
  /** Kinds that targets show beside their own, whatever is configured. */
  readonly also: readonly Kind[];
  /** The objects that targets of this one show: their changes are its changes. */
  readonly refersTo: (object: Kinds[K]) => readonly string[];
  readonly build: (object: Kinds[K], cluster: Cluster) => Built;
}

export const ROLES: { readonly [R in Role]: RoleSpec<R> } = {
  pod: {
    source: 'pod',
    also: [],
    refersTo: (pod) => [reference('node', pod.nodeName), ...ownersOf(pod.meta)],
    build: buildPod,
  },
  service: { source: 'svc', also: [], refersTo: () => [], build: buildService },
  endpoints: {
    source: 'endpoints',
    also: ['service', 'pod'],
    refersTo: ({ meta, subsets }) => {
      const addresses = subsets.flatMap((subset) => subset.addresses);
      return [reference('service', keyOf(meta)), ...addresses.flatMap(placesOf)];
    },
    build: buildEndpoints,
  },
  endpointslice: {
    source: 'endpointslice',
    also: ['service', 'pod'],
    refersTo: ({ meta, endpoints }) => {
      const service = meta.labels.find(([name]) => name === 'kubernetes.io/service-name')?.[1];
      const of = service === undefined ? [] : [reference('service', keyOf({ ...meta, name: service }))];
      return [...of, ...endpoints.flatMap(placesOf)];
    },
    build: buildEndpointSlice,
  },
  node: { source: 'node', also: [], refersTo: () => [], build: buildNode },
  ingress: { source: 'ingress', also: [], refersTo: () => [], build: buildIngress },
};

function ownersOf({ controller }: ObjectMeta): string[] {
  if (controller?.kind === 'ReplicaSet') return [reference('replicaset', keyOf(controller))];
  return controller?.kind === 'Job' ? [reference('job', keyOf(controller))] : [];
}

/** The pod behind an address, and the node it is on. */
function placesOf(address: { readonly nodeName: string | undefined; readonly ref: Reference | undefined }): string[] {
  const { nodeName, ref } = address;
  return [
    ...(nodeName === undefined ? [] : [reference('node', nodeName)]),
    ...(ref?.kind === 'Pod' ? [reference('pod', keyOf(ref))] : []),
    ...(ref?.kind === 'Node' ? [reference('node', ref.name)] : []),
  ];
}

/** A target for each port of each container; a container without ports is one, with no port in its address. */
function buildPod(pod: Pod, cluster: Cluster): Built {
  // it is starting or was evicted; or its node is one that the selectors leave out
  const hidden = cluster.attach.node && cluster.get('node', pod.nodeName) === undefined;
  if (pod.ip === '' || hidden) return { targets: [], labels: new Map() };
  const shared = new MetaLabels().set('namespace', pod.meta.namespace).pod(cluster, pod);
  shared.node(cluster, pod.nodeName).namespace(cluster, pod.meta.namespace);
  const targets = pod.containers.flatMap((container) => {
    const about = (labels: MetaLabels) =>
      labels
        .set('pod_container_name', container.name)
        .set('pod_container_id', container.id)
        .set('pod_container_image', container.image)
        .set('pod_container_init', String(container.init));
    if (container.ports.length === 0) return [about(new MetaLabels(pod.ip)).map];
    return container.ports.map(
      (port) =>
        about(new MetaLabels(hostPort(pod.ip, port.number)))
          .set('pod_container_port_number', String(port.number))
          .set('pod_container_port_name', port.name)
          .set('pod_container_port_protocol', port.protocol).map,
    );
  });
  return { targets, labels: shared.map };
}

/** A target for each port, reached through the name of the service. */
function buildService(service: Service, cluster: Cluster): Built {
  const { name, namespace } = service.meta;
  const shared = new MetaLabels().set('namespace', namespace).object('service', service.meta);
  shared.namespace(cluster, namespace);
  const external = service.type === 'ExternalName';
  const targets = service.ports.map(
    (port) =>
      new MetaLabels(hostPort(`${name}.${namespace}.svc`, port.number))
        .set('service_port_name', port.name)
        .set('service_port_number', String(port.number))
        .set('service_port_protocol', port.protocol)
        .set('service_type', service.type)
        .set('service_external_name', external ? service.externalName : '')
        .set('service_cluster_ip', external ? '' : service.clusterIp)
        .set('service_loadbalancer_ip', service.type === 'LoadBalancer' ? service.loadBalancerIp : '').map,
  );
  return { targets, labels: shared.map };
}

/** The address of a node is the first of these that it has. */
const ADDRESSES = ['InternalIP', 'InternalDNS', 'ExternalIP', 'ExternalDNS', 'LegacyHostIP', 'Hostname'] as const;

/** One target, the kubelet. */
function buildNode(node: Node): Built {
  const shared = new MetaLabels().set('node_provider_id', node.providerId);
  for (const [type, status] of node.conditions) {
    shared.set(`node_condition_${labelName(type.toLowerCase())}`, status.toLowerCase());
  }
  shared.object('node', node.meta);
  const first = new Map([...node.addresses].reverse());
  const address = ADDRESSES.map((type) => first.get(type)).find((found) => found !== undefined);
  if (address === undefined) return { targets: [], labels: shared.map };
  const target = new MetaLabels(hostPort(address, node.kubeletPort));
  target.map.set('instance', node.meta.name);
  for (const [type, value] of first) target.set(`node_address_${labelName(type)}`, value);
  return { targets: [target.map], labels: shared.map };
}

/** A target for each path of each rule. */
function buildIngress(ingress: Ingress, cluster: Cluster): Built {
  const shared = new MetaLabels().set('namespace', ingress.meta.namespace);
  shared.set('ingress_class_name', ingress.className).object('ingress', ingress.meta);
  shared.namespace(cluster, ingress.meta.namespace);
  const targets = ingress.rules.flatMap(({ host, paths }) => {
    const secure = ingress.tlsHosts.some((pattern) => coversHost(pattern, host));
    return paths.map(
      (path) =>
        new MetaLabels(host)
          .set('ingress_scheme', secure ? 'https' : 'http')
          .set('ingress_host', host)
          .set('ingress_path', path).map,
    );
  });
  return { targets, labels: shared.map };
}

/** A star stands for one first part. */
function coversHost(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  const [star, ...rest] = pattern.split('.');
  const [, ...parts] = host.split('.');
  return star === '*' && rest.join('.') === parts.join('.');
}
