import { isDeepStrictEqual } from 'node:util';
import { bool, type Infer, list, type Report, struct } from '../../../config/fields.ts';
import { text } from '../../fields.ts';
import { type HttpClientConfig, httpClientConfig } from '../../http-client-config/config.ts';
import { fieldSelectorFault, labelSelectorFault } from './selectors.ts';

export type Role = 'pod' | 'service' | 'endpoints' | 'endpointslice' | 'node' | 'ingress';

/** Which objects each role can select. */
const SELECTORS: Readonly<Record<Role, readonly Role[]>> = {
  pod: ['pod', 'node'],
  service: ['service'],
  endpointslice: ['pod', 'service', 'endpointslice'],
  endpoints: ['pod', 'service', 'endpoints'],
  node: ['node'],
  ingress: ['ingress'],
};
const isRole = (value: string): value is Role => Object.hasOwn(SELECTORS, value);
const roleFault = (value: string): string | undefined =>
  value === '' || isRole(value) ? undefined : `unknown Kubernetes SD role ${JSON.stringify(value)}`;

const namespaces = struct('kubernetes.NamespaceDiscovery', 'The namespaces to look in; all where none is named.', {
  own_namespace: bool('Whether the namespace of this pod is one of them.'),
  names: list('Names of namespaces.', text('A name.')),
});

const selector = struct('kubernetes.SelectorConfig', 'Which objects of a kind are looked at.', {
  role: text('Kind of the objects.', '', roleFault),
  label: text('Label selector, as in `kubectl get -l`.', '', labelSelectorFault),
  field: text('Field selector, as in `kubectl get --field-selector`.', '', fieldSelectorFault),
});

const attachMetadata = struct('kubernetes.AttachMetadataConfig', 'What else is looked up for each target.', {
  node: bool('Labels and annotations of the node a pod runs on.'),
  namespace: bool('Labels and annotations of the namespace.'),
  deployment: bool('Name of the deployment a pod belongs to.'),
  job: bool('Name of the job a pod belongs to.'),
  cronjob: bool('Name of the cron job a pod belongs to.'),
});

export const kubernetesSdConfig = struct(
  'kubernetes.SDConfig',
  'Targets that run in Kubernetes.',
  {
    role: text('What is a target: pod, service, endpoints, endpointslice, node or ingress.', '', roleFault),
    api_server: text(
      'URL of the API server; where it is empty, this process runs in a pod of the cluster.',
      '',
      urlFault,
    ),
    kubeconfig_file: text('File with the access to the API server, instead of api_server.'),
    namespaces,
    selectors: list('Which objects are looked at; all where nothing is said.', selector),
    attach_metadata: attachMetadata,
  },
  { embed: [httpClientConfig], validate: (value, path, report) => validate(value, path, report) },
);

export interface KubernetesSdConfig extends HttpClientConfig {
  readonly role: string;
  readonly api_server: string;
  readonly kubeconfig_file: string;
  readonly namespaces: Infer<typeof namespaces>;
  readonly selectors: readonly Infer<typeof selector>[];
  readonly attach_metadata: Infer<typeof attachMetadata>;
}

function urlFault(value: string): string | undefined {
  return value === '' || URL.canParse(value) ? undefined : `parse ${JSON.stringify(value)}: invalid URL`;
}

function validate(value: KubernetesSdConfig, path: string, report: Report): void {
  if (value.role === '') {
    report(path, 'role missing (one of: pod, service, endpoints, endpointslice, node, ingress)');
    return;
  }
  const ownClient = !isDefaultClient(value);
  const { api_server: server, kubeconfig_file: kubeconfig } = value;
  if (server !== '' && kubeconfig !== '') {
    report(path, "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
  }
  if (kubeconfig !== '' && ownClient) {
    report(path, "cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
  }
  if (server === '' && kubeconfig === '' && ownClient) {
    report(path, "to use custom HTTP client configuration please provide the 'api_server' URL explicitly");
  }
  for (const [key, set] of Object.entries({ api_server: server, kubeconfig_file: kubeconfig })) {
    if (set !== '' && value.namespaces.own_namespace) {
      report(path, `cannot use '${key}' and 'namespaces.own_namespace' simultaneously`);
    }
  }
  validateSelectors(value, path, report);
}

function isDefaultClient(value: HttpClientConfig): boolean {
  const plain = (config: HttpClientConfig): unknown => httpClientConfig.toPlain(config, true);
  return isDeepStrictEqual(plain(value), plain(httpClientConfig.absent()));
}

function validateSelectors({ role, selectors }: KubernetesSdConfig, path: string, report: Report): void {
  const allowed: readonly string[] = isRole(role) ? SELECTORS[role] : [];
  const seen = new Set<string>();
  for (const { role: of } of selectors) {
    if (seen.has(of)) report(path, `duplicated selector role: ${of}`);
    seen.add(of);
    if (!allowed.includes(of)) report(path, `${role} role supports only ${allowed.join(', ')} selectors`);
  }
}
