import { isIP } from 'node:net';
import { type Labels, labelValue } from '../labels.ts';

/** Labels that tell what a target is in Kubernetes, and the attributes that say so. */
const KUBERNETES: Readonly<Record<string, string>> = {
  __meta_kubernetes_pod_name: 'k8s.pod.name',
  __meta_kubernetes_pod_uid: 'k8s.pod.uid',
  __meta_kubernetes_pod_container_name: 'k8s.container.name',
  __meta_kubernetes_namespace: 'k8s.namespace.name',
  __meta_kubernetes_pod_node_name: 'k8s.node.name',
  __meta_kubernetes_node_name: 'k8s.node.name',
  __meta_kubernetes_endpoint_node_name: 'k8s.node.name',
};
const CONTROLLERS: Readonly<Record<string, string>> = {
  ReplicaSet: 'k8s.replicaset.name',
  DaemonSet: 'k8s.daemonset.name',
  StatefulSet: 'k8s.statefulset.name',
  Job: 'k8s.job.name',
  CronJob: 'k8s.cronjob.name',
};

/** The attributes of what was scraped; `discovered` are the labels of the target before relabeling. */
export function resourceAttributes(job: string, instance: string, discovered: Labels): Map<string, string> {
  const { host, port } = splitHostPort(instance);
  const attributes = new Map([['service.name', job]]);
  if (isDiscernible(host)) attributes.set('server.address', host);
  attributes.set('service.instance.id', instance);
  attributes.set('server.port', port);
  attributes.set('url.scheme', labelValue(discovered, '__scheme__'));
  for (const [name, value] of discovered) {
    const attribute = KUBERNETES[name];
    if (attribute !== undefined && value !== '') attributes.set(attribute, value);
  }
  const controller = CONTROLLERS[labelValue(discovered, '__meta_kubernetes_pod_controller_kind')];
  const name = labelValue(discovered, '__meta_kubernetes_pod_controller_name');
  if (controller !== undefined && name !== '') attributes.set(controller, name);
  return attributes;
}

/** As Go splits `host:port` and `[host]:port`; anything else is a host without port. */
function splitHostPort(address: string): { readonly host: string; readonly port: string } {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(address);
  return match === null ? { host: address, port: '' } : { host: match[1] ?? match[2] ?? '', port: match[3] ?? '' };
}

/** Whether a host tells machines apart: loopback and unspecified addresses do not. */
function isDiscernible(host: string): boolean {
  if (isIP(host) === 0) return host !== 'localhost';
  return !/^(127\.|0\.0\.0\.0$|(0*:)*:?0*1?$|::ffff:(127\.|0\.0\.0\.0$))/i.test(host);
}
