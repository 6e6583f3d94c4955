import { hostPort } from '../host-port.ts';
import type { TargetGroup } from '../target-group.ts';
import type { EndpointSlice, Endpoints, SliceEndpoint, SlicePort } from './endpoint-objects.ts';
import { keyOf } from './kinds.ts';
import { type Cluster, labelName, MetaLabels } from './labels.ts';
import type { Container, Pod, Port, Reference, Service } from './objects.ts';

type Built = Omit<TargetGroup, 'source'>;

/** A target for each address and port of a service, and one for each further port of the pods behind it. */
export function buildEndpoints({ meta, subsets }: Endpoints, cluster: Cluster): Built {
  const shared = new MetaLabels().set('namespace', meta.namespace);
  serviceLabels(shared, cluster.get('service', keyOf(meta)));
  shared.object('endpoints', meta).namespace(cluster, meta.namespace);
  const pods = new PodPorts(cluster);
  const targets: ReadonlyMap<string, string>[] = [];
  for (const { addresses, ports } of subsets) {
    for (const port of ports) {
      for (const { ip, hostname, nodeName, ref, ready } of addresses) {
        const labels = new MetaLabels(hostPort(ip, port.number))
          .set('endpoint_port_name', port.name)
          .set('endpoint_port_protocol', port.protocol)
          .set('endpoint_ready', String(ready))
          .set('endpoint_address_target_kind', ref?.kind)
          .set('endpoint_address_target_name', ref?.name)
          .set('endpoint_node_name', nodeName)
          .set('endpoint_hostname', hostname)
          .node(cluster, nodeName ?? (ref?.kind === 'Node' ? ref.name : undefined));
        pods.describe(labels, ref, port.number, port.protocol);
        targets.push(labels.map);
      }
    }
  }
  return { targets: [...targets, ...pods.uncovered()], labels: shared.map };
}

/** The same for a slice of the addresses of a service. */
export function buildEndpointSlice(slice: EndpointSlice, cluster: Cluster): Built {
  const { meta } = slice;
  const name = meta.labels.find(([label]) => label === 'kubernetes.io/service-name')?.[1];
  const service = name === undefined ? undefined : cluster.get('service', keyOf({ ...meta, name }));
  const shared = new MetaLabels()
    .set('namespace', meta.namespace)
    .set('endpointslice_address_type', slice.addressType)
    .object('endpointslice', meta);
  serviceLabels(shared, service);
  shared.namespace(cluster, meta.namespace);
  if (isSecondFamily(service, slice.addressType)) return { targets: [], labels: shared.map };
  const pods = new PodPorts(cluster);
  const targets: ReadonlyMap<string, string>[] = [];
  for (const endpoint of slice.endpoints) {
    for (const port of slice.ports) {
      for (const address of endpoint.addresses) {
        const labels = sliceTarget(address, endpoint, port);
        const { ref, nodeName } = endpoint;
        labels.node(cluster, ref?.kind === 'Node' ? ref.name : nodeName);
        pods.describe(labels, ref, port.number);
        targets.push(labels.map);
      }
    }
  }
  return { targets: [...targets, ...pods.uncovered()], labels: shared.map };
}

function sliceTarget(address: string, endpoint: SliceEndpoint, port: SlicePort): MetaLabels {
  const flag = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : String(value));
  const number = port.number === undefined ? undefined : String(port.number);
  const labels = new MetaLabels(number === undefined ? address : hostPort(address, number))
    .set('endpointslice_port_name', port.name)
    .set('endpointslice_port_protocol', port.protocol)
    .set('endpointslice_port', number)
    .set('endpointslice_port_app_protocol', port.appProtocol)
    .set('endpointslice_endpoint_conditions_ready', flag(endpoint.ready))
    .set('endpointslice_endpoint_conditions_serving', flag(endpoint.serving))
    .set('endpointslice_endpoint_conditions_terminating', flag(endpoint.terminating))
    .set('endpointslice_endpoint_hostname', endpoint.hostname)
    .set('endpointslice_address_target_kind', endpoint.ref?.kind)
    .set('endpointslice_address_target_name', endpoint.ref?.name)
    .set('endpointslice_endpoint_node_name', endpoint.nodeName)
    .set('endpointslice_endpoint_zone', endpoint.zone);
  for (const [name, value] of endpoint.topology) {
    labels.set(`endpointslice_endpoint_topology_${labelName(name)}`, value);
    labels.set(`endpointslice_endpoint_topology_present_${labelName(name)}`, 'true');
  }
  return labels;
}

function serviceLabels(labels: MetaLabels, service: Service | undefined): void {
  if (service !== undefined) labels.object('service', service.meta);
}

/** A service with addresses of both families has two slices of the same pods; the second would double them. */
function isSecondFamily(service: Service | undefined, addressType: string): boolean {
  const dual = service?.ipFamilyPolicy === 'PreferDualStack' || service?.ipFamilyPolicy === 'RequireDualStack';
  const [first] = service?.ipFamilies ?? [];
  return dual && first !== undefined && first !== addressType;
}

/** The pods behind the addresses of a group, and which of their ports have a target. */
class PodPorts {
  readonly #cluster: Cluster;
  readonly #seen = new Map<string, { readonly pod: Pod; readonly covered: Set<number> }>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Adds what is known of the pod behind an address, and of the container that has the port. */
  describe(labels: MetaLabels, ref: Reference | undefined, port: number | undefined, protocol?: string): void {
    if (ref?.kind !== 'Pod') return;
    const key = keyOf(ref);
    const pod = this.#cluster.get('pod', key);
    if (pod === undefined) return;
    const entry = this.#seen.get(key) ?? { pod, covered: new Set() };
    this.#seen.set(key, entry);
    labels.pod(this.#cluster, pod);
    if (port === undefined) return;
    entry.covered.add(port);
    for (const container of pod.containers) {
      const own = container.ports.find(({ number }) => number === port);
      if (own !== undefined) containerLabels(labels, container, { ...own, protocol: protocol ?? own.protocol });
    }
  }

  /** Targets for the ports of these pods that the service does not have. */
  uncovered(): ReadonlyMap<string, string>[] {
    return [...this.#seen.values()].flatMap(({ pod, covered }) => {
      if (pod.ip === '') return [];
      return pod.containers.flatMap((container) =>
        container.ports
          .filter((port) => !covered.has(port.number))
          .map((port) => {
            const labels = new MetaLabels(hostPort(pod.ip, port.number));
            containerLabels(labels, container, port);
            return labels.pod(this.#cluster, pod).map;
          }),
      );
    });
  }
}

function containerLabels(labels: MetaLabels, container: Container, port: Port): void {
  labels
    .set('pod_container_name', container.name)
    .set('pod_container_image', container.image)
    .set('pod_container_port_name', port.name)
    .set('pod_container_port_number', String(port.number))
    .set('pod_container_port_protocol', port.protocol)
    .set('pod_container_init', String(container.init));
}
