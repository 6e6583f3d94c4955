import type { Timer } from '../../../clock.ts';
import { PrometheusHttpClient } from '../../http-client-config/client.ts';
import { emptyGroup } from '../read-groups.ts';
import type { Discoverer, DiscoveryEnvironment, TargetGroup } from '../target-group.ts';
import { type Access, accessOf, POD_ENVIRONMENT, type PodEnvironment } from './access.ts';
import { KubernetesApi } from './api.ts';
import type { KubernetesSdConfig, Role } from './config.ts';
import { Informer } from './informer.ts';
import { KINDS, type Kind, type Kinds, reference } from './kinds.ts';
import type { Cluster } from './labels.ts';
import { ROLES } from './roles.ts';
import { Store } from './store.ts';

/** Files with the access may not be there yet. */
const ACCESS_RETRY_MS = 30_000;

type Update = (groups: readonly TargetGroup[]) => void;

/** What has to be read before the targets of a namespace are complete, and what of it changed since the last update. */
interface Scope {
  readonly namespace: string;
  readonly needs: Informer<Kind>[];
  readonly changed: Set<string>;
}

/** Targets of a Kubernetes cluster; each object of the role is a source. */
export class KubernetesDiscoverer implements Discoverer, Cluster {
  readonly attach: KubernetesSdConfig['attach_metadata'];
  readonly #config: KubernetesSdConfig;
  readonly #environment: DiscoveryEnvironment;
  readonly #pod: PodEnvironment;
  readonly #role: Role;
  readonly #stores = new Map<Kind, Store<Kinds[Kind]>>();
  readonly #scopes = new Map<string, Scope>();
  #informers: Informer<Kind>[] = [];
  #client: PrometheusHttpClient | undefined;
  #update: Update = () => {};
  #fault = '';
  #retry: Timer | undefined;
  #flushing = false;
  #closed = false;

  constructor(config: KubernetesSdConfig, environment: DiscoveryEnvironment, pod: PodEnvironment = POD_ENVIRONMENT) {
    this.#config = config;
    this.#environment = environment;
    this.#pod = pod;
    this.#role = config.role as Role;
    this.attach = config.attach_metadata;
  }

  async run(update: Update): Promise<void> {
    this.#update = update;
    try {
      const access = await accessOf(this.#config, this.#pod);
      const client = new PrometheusHttpClient(access.client, this.#environment);
      client.start();
      if (this.#closed) return client.close();
      this.#client = client;
      this.#start(access, new KubernetesApi(access.server, client));
    } catch (error) {
      if (this.#closed) return;
      const { message } = error as Error;
      if (message !== this.#fault) {
        this.#environment.logger.error('Kubernetes cannot be reached, it is tried again', { error });
      }
      this.#fault = message;
      this.#retry = this.#environment.clock.after(ACCESS_RETRY_MS, () => void this.run(update));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await Promise.all(this.#informers.map((informer) => informer.close()));
    this.#client?.close();
  }

  get<K extends Kind>(kind: K, key: string): Kinds[K] | undefined {
    return this.#stores.get(kind)?.get(key) as Kinds[K] | undefined;
  }

  #start(access: Access, api: KubernetesApi): void {
    const { names, own_namespace: own } = this.#config.namespaces;
    const all = [...names, ...(own && access.ownNamespace !== undefined ? [access.ownNamespace] : [])];
    const namespaces = KINDS[this.#role].namespaced && all.length > 0 ? [...new Set(all)] : [''];
    for (const namespace of namespaces) this.#scopes.set(namespace, { namespace, needs: [], changed: new Set() });
    for (const kind of this.#kinds()) {
      this.#stores.set(kind, this.#storeOf(kind));
      const scopes = [...this.#scopes.values()];
      if (KINDS[kind].namespaced) {
        for (const scope of scopes) scope.needs.push(this.#informer(kind, scope.namespace, api));
      } else {
        const shared = this.#informer(kind, '', api);
        for (const scope of scopes) scope.needs.push(shared);
      }
    }
    for (const informer of this.#informers) informer.start();
  }

  /** The kinds of objects to read. */
  #kinds(): ReadonlySet<Kind> {
    const { node, namespace, deployment, job, cronjob } = this.attach;
    const showsPods = this.#role === 'pod' || this.#role === 'endpoints' || this.#role === 'endpointslice';
    return new Set<Kind>([
      this.#role,
      ...ROLES[this.#role].also,
      ...(node && showsPods ? (['node'] as const) : []),
      ...(namespace && this.#role !== 'node' ? (['namespace'] as const) : []),
      ...(deployment && showsPods ? (['replicaset'] as const) : []),
      ...((job || cronjob) && showsPods ? (['job'] as const) : []),
    ]);
  }

  #storeOf(kind: Kind): Store<Kinds[Kind]> {
    if (kind !== this.#role) return new Store();
    const { refersTo } = ROLES[this.#role];
    return new Store<Kinds[Kind]>((object) => [
      reference('namespace', object.meta.namespace),
      ...(refersTo as (object: Kinds[Kind]) => readonly string[])(object),
    ]);
  }

  #informer(kind: Kind, namespace: string, api: KubernetesApi): Informer<Kind> {
    const selector = this.#config.selectors.find(({ role }) => role === kind);
    const informer = new Informer<Kind>({
      kind,
      namespace,
      query: { label: selector?.label ?? '', field: selector?.field ?? '' },
      store: this.#stores.get(kind) as Store<Kinds[Kind]>,
      api,
      environment: this.#environment,
      onChange: (key) => this.#onChange(kind, key),
      onSynced: () => this.#flushSoon(),
    });
    this.#informers.push(informer);
    return informer;
  }

  /** The object itself, or those whose targets show it. */
  #onChange(kind: Kind, key: string): void {
    if (kind === this.#role) this.#mark(key);
    else for (const own of this.#stores.get(this.#role)?.referringTo(reference(kind, key)) ?? []) this.#mark(own);
  }

  #mark(key: string): void {
    const namespace = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
    (this.#scopes.get(namespace) ?? this.#scopes.get(''))?.changed.add(key);
    this.#flushSoon();
  }

  /** What one answer of the server changes is one update. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed) return;
    const groups: TargetGroup[] = [];
    for (const { needs, changed } of this.#scopes.values()) {
      if (!needs.every((informer) => informer.synced)) continue;
      for (const key of changed) groups.push(this.#groupOf(key));
      changed.clear();
    }
    if (groups.length > 0) this.#update(groups);
  }

  #groupOf(key: string): TargetGroup {
    const { source: prefix, build } = ROLES[this.#role];
    const source = `${prefix}/${key}`;
    const object = this.get(this.#role, key);
    if (object === undefined) return emptyGroup(source);
    return {
      source,
      ...(build as (object: Kinds[Kind], cluster: Cluster) => Omit<TargetGroup, 'source'>)(object, this),
    };
  }
}
