import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileFault } from '../../../file-fault.ts';
import { type HttpClientConfig, httpClientConfig } from '../../http-client-config/config.ts';
import { hostPort } from '../host-port.ts';
import type { KubernetesSdConfig } from './config.ts';
import { kubeconfigAccess } from './kubeconfig.ts';

/** Where the API server is and how it is reached. */
export interface Access {
  readonly server: string;
  readonly client: HttpClientConfig;
  /** Of the pod this process runs in, where that was asked for. */
  readonly ownNamespace?: string;
}

/** What a pod knows of its cluster. */
export interface PodEnvironment {
  readonly variables: NodeJS.ProcessEnv;
  /** The folder with token, certificate and namespace. */
  readonly serviceAccount: string;
}

export const POD_ENVIRONMENT: PodEnvironment = {
  variables: process.env,
  serviceAccount: '/var/run/secrets/kubernetes.io/serviceaccount',
};

/** Reads how the API server is reached; fails with one sentence. */
export async function accessOf(config: KubernetesSdConfig, pod: PodEnvironment): Promise<Access> {
  if (config.kubeconfig_file !== '') return kubeconfigAccess(config.kubeconfig_file);
  if (config.api_server !== '') return { server: config.api_server, client: config };
  const inCluster = inClusterAccess(pod);
  if (!config.namespaces.own_namespace) return inCluster;
  return { ...inCluster, ownNamespace: await ownNamespace(pod) };
}

/** As the service account of the pod. Token and certificate are read again by the client when they change. */
function inClusterAccess({ variables, serviceAccount }: PodEnvironment): Access {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = variables;
  if (host === '' || port === '') {
    const needed = 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined';
    throw new Error(`unable to load in-cluster configuration, ${needed}`);
  }
  const defaults = httpClientConfig.absent();
  return {
    server: `https://${hostPort(host, port)}`,
    client: {
      ...defaults,
      authorization: { type: 'Bearer', credentials: undefined, credentials_file: join(serviceAccount, 'token') },
      tls_config: { ...defaults.tls_config, ca_file: join(serviceAccount, 'ca.crt') },
    },
  };
}

async function ownNamespace({ serviceAccount }: PodEnvironment): Promise<string> {
  const file = join(serviceAccount, 'namespace');
  let name: string;
  try {
    name = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new Error(`could not determine the pod's namespace: ${fileFault(file, error)}`);
  }
  if (name === '') throw new Error('could not read own namespace name (empty file)');
  return name;
}
