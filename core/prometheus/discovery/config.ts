import { type Infer, list, struct } from '../../config/fields.ts';
import { DnsDiscoverer, dnsSdConfig } from './dns.ts';
import { FileDiscoverer, fileSdConfig } from './file.ts';
import { HttpDiscoverer, httpSdConfig } from './http.ts';
import { kubernetesSdConfig } from './kubernetes/config.ts';
import { KubernetesDiscoverer } from './kubernetes/discovery.ts';
import { StaticDiscoverer, staticConfig } from './static.ts';
import type { Discoverer, DiscoveryEnvironment } from './target-group.ts';

/** What else Prometheus has, for who comes with its configuration. */
const NOT_SUPPORTED =
  'aws azure consul digitalocean docker dockerswarm ec2 ecs elasticache eureka gce hetzner ionos kuma lightsail ' +
  'linode marathon msk nerve nomad openstack outscale ovhcloud puppetdb rds scaleway serverset stackit triton ' +
  'uyuni vultr';
const HINT =
  'not supported: targets come from static_configs, file_sd_configs, http_sd_configs, dns_sd_configs or ' +
  'kubernetes_sd_configs';

/** Where the targets of a scrape configuration come from: keys to embed in it. */
export const discoveries = struct(
  'discovery.Configs',
  'Where targets come from.',
  {
    static_configs: list('Targets that stand here.', staticConfig),
    file_sd_configs: list('Targets in files, which are read again when they change.', fileSdConfig),
    http_sd_configs: list('Targets that an HTTP service lists.', httpSdConfig),
    dns_sd_configs: list('Targets that are records of the domain name system.', dnsSdConfig),
    kubernetes_sd_configs: list('Targets that run in Kubernetes.', kubernetesSdConfig),
  },
  { hints: Object.fromEntries(NOT_SUPPORTED.split(' ').map((name) => [`${name}_sd_configs`, HINT])) },
);
export type Discoveries = Infer<typeof discoveries>;

/** A discoverer for each source of targets that is configured; none of them runs yet. */
export function discoverersOf(config: Discoveries, environment: DiscoveryEnvironment): Discoverer[] {
  return [
    ...(config.static_configs.length > 0 ? [new StaticDiscoverer(config.static_configs)] : []),
    ...config.file_sd_configs.map((one) => new FileDiscoverer(one, environment)),
    ...config.http_sd_configs.map((one) => new HttpDiscoverer(one, environment)),
    ...config.dns_sd_configs.map((one) => new DnsDiscoverer(one, environment)),
    ...config.kubernetes_sd_configs.map((one) => new KubernetesDiscoverer(one, environment)),
  ];
}
