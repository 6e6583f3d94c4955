import { type Kind, type Kinds, keyOf } from './kinds.ts';
import type { Node, ObjectMeta, Pod } from './objects.ts';

/** Looks up what was read of the cluster. */
export interface Cluster {
  get<K extends Kind>(kind: K, key: string): Kinds[K] | undefined;
  readonly attach: {
    readonly node: boolean;
    readonly namespace: boolean;
    readonly deployment: boolean;
    readonly job: boolean;
    readonly cronjob: boolean;
  };
}

/** Labels `__meta_kubernetes_…`. An empty value is no label. */
export class MetaLabels {
  readonly map = new Map<string, string>();

  constructor(address?: string) {
    if (address !== undefined && address !== '') this.map.set('__address__', address);
  }

  /** Undefined and empty values are left out; what was there stays. */
  set(name: string, value: string | undefined): this {
    if (value !== undefined && value !== '') this.map.set(`__meta_kubernetes_${name}`, value);
    return this;
  }

  /** Name, labels and annotations of an object. */
  object(role: string, meta: ObjectMeta): this {
    return this.set(`${role}_name`, meta.name).details(role, meta);
  }

  /** Labels and annotations of an object. */
  details(role: string, meta: ObjectMeta): this {
    for (const [what, entries] of [
      ['label', meta.labels],
      ['annotation', meta.annotations],
    ] as const) {
      for (const [name, value] of entries) {
        const safe = labelName(name);
        this.set(`${role}_${what}_${safe}`, value);
        this.set(`${role}_${what}present_${safe}`, 'true');
      }
    }
    return this;
  }

  /** Of the node a target is on, where that is asked for. */
  node(cluster: Cluster, name: string | undefined): this {
    const node: Node | undefined = cluster.attach.node && name !== undefined ? cluster.get('node', name) : undefined;
    return node === undefined ? this : this.object('node', node.meta);
  }

  /** Of the namespace a target is in, where that is asked for. */
  namespace(cluster: Cluster, name: string): this {
    const namespace = cluster.attach.namespace ? cluster.get('namespace', name) : undefined;
    return namespace === undefined ? this : this.details('namespace', namespace.meta);
  }

  pod(cluster: Cluster, pod: Pod): this {
    this.set('pod_ip', pod.ip)
      .set('pod_ready', pod.ready)
      .set('pod_phase', pod.phase)
      .set('pod_node_name', pod.nodeName)
      .set('pod_host_ip', pod.hostIp)
      .set('pod_uid', pod.meta.uid)
      .object('pod', pod.meta)
      .set('pod_controller_kind', pod.meta.controller?.kind)
      .set('pod_controller_name', pod.meta.controller?.name);
    const { controller } = pod.meta;
    if (controller === undefined) return this;
    const { attach } = cluster;
    if (controller.kind === 'ReplicaSet' && attach.deployment) {
      const owner = cluster.get('replicaset', keyOf(controller))?.meta.controller;
      if (owner?.kind === 'Deployment') this.set('pod_deployment_name', owner.name);
    }
    if (controller.kind === 'Job' && attach.job) this.set('pod_job_name', controller.name);
    if (controller.kind === 'Job' && attach.cronjob) {
      const owner = cluster.get('job', keyOf(controller))?.meta.controller;
      if (owner?.kind === 'CronJob') this.set('pod_cronjob_name', owner.name);
    }
    return this;
  }
}

/** What cannot be in the name of a label becomes an underscore. */
export const labelName = (text: string): string => text.replace(/[^a-zA-Z0-9_]/gu, '_');
