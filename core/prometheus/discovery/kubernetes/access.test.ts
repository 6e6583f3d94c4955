import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configOf, discovering, discoveryEnvironment } from '../../../testing/discovery.ts';
import { FakeKubernetesApi } from '../../../testing/kubernetes-api.ts';
import { pod } from '../../../testing/kubernetes-pods.ts';
import type { PodEnvironment } from './access.ts';
import { kubernetesSdConfig } from './config.ts';
import { KubernetesDiscoverer } from './discovery.ts';

const tls = (name: string): string => fileURLToPath(new URL(`../../../../test/support/tls/${name}`, import.meta.url));

async function secureApi(t: TestContext, client: 'any' | 'certificate' = 'any') {
  const api = new FakeKubernetesApi();
  const mutual = client === 'certificate' ? { ca: readFileSync(tls('server.crt')), requestCert: true } : {};
  const url = await api.start({
    cert: readFileSync(tls('server.crt')),
    key: readFileSync(tls('server.key')),
    ...mutual,
  });
  t.after(() => api.stop());
  for (const namespace of ['mine', 'other']) {
    api.put('pods', pod(namespace, `in-${namespace}`, { ip: '10.0.0.1', containers: [{ name: 'c', image: 'i' }] }));
  }
  return { api, url };
}

const folder = (): string => mkdtempSync(join(tmpdir(), 'weir-kubernetes-'));

async function podsOf(yaml: string, environment?: PodEnvironment): Promise<string[]> {
  const discoverer = new KubernetesDiscoverer(configOf(kubernetesSdConfig, yaml), discoveryEnvironment(), environment);
  return discovering(discoverer, async (found) => {
    await found.until(({ targets }) => targets.length > 0);
    return found.targets.map((target) => target.__meta_kubernetes_pod_name ?? '');
  });
}

test('in a pod: the service account, its authority, and the namespace of the pod', async (t) => {
  const { api, url } = await secureApi(t);
  api.tokens.add('service-account');
  const serviceAccount = folder();
  writeFileSync(join(serviceAccount, 'token'), 'service-account\n');
  writeFileSync(join(serviceAccount, 'ca.crt'), readFileSync(tls('server.crt')));
  writeFileSync(join(serviceAccount, 'namespace'), 'mine');
  const { port } = new URL(url);
  const variables = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port };
  const environment = { variables, serviceAccount };
  assert.deepEqual(await podsOf('role: pod', environment), ['in-mine', 'in-other']);
  assert.deepEqual(await podsOf('{role: pod, namespaces: {own_namespace: true}}', environment), ['in-mine']);
});

test('outside of a pod it says what is missing, and goes on trying', async () => {
  const environment = discoveryEnvironment();
  const where = { variables: {}, serviceAccount: '/nowhere' };
  const discoverer = new KubernetesDiscoverer(configOf(kubernetesSdConfig, 'role: pod'), environment, where);
  await discovering(discoverer, async (found) => {
    await found.until(() => environment.logger.lines.length === 1);
    assert.match(
      String(environment.logger.lines[0]?.fields.error),
      /unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined/,
    );
  });
});

test('kubeconfig: tokens, token files, users with passwords, certificates, in the file and beside it', async (t) => {
  const open = await secureApi(t);
  const mutual = await secureApi(t, 'certificate');
  open.api.tokens.add('t0ken');
  const where = folder();
  writeFileSync(join(where, 'token'), 't0ken');
  writeFileSync(join(where, 'ca.crt'), readFileSync(tls('server.crt')));
  const base64 = (name: string): string => readFileSync(tls(name)).toString('base64');
  const authority = `certificate-authority-data: ${base64('server.crt')}`;
  const cases: readonly (readonly [cluster: string, user: string])[] = [
    [`server: "${open.url}", ${authority}`, 'token: t0ken'],
    [`server: "${open.url}", certificate-authority: ca.crt`, 'tokenFile: token'],
    [`server: "${open.url}", insecure-skip-tls-verify: true`, 'token: t0ken'],
    [
      `server: "${open.url.replace('127.0.0.1', 'localhost')}", tls-server-name: localhost, ${authority}`,
      'token: t0ken',
    ],
    [
      `server: "${mutual.url}", ${authority}`,
      `client-certificate-data: ${base64('server.crt')}, client-key-data: ${base64('server.key')}`,
    ],
    [
      `server: "${mutual.url}", ${authority}`,
      `client-certificate: "${tls('server.crt')}", client-key: "${tls('server.key')}", username: u, password: p`,
    ],
  ];
  for (const [cluster, user] of cases) {
    const file = join(where, 'config');
    writeFileSync(file, kubeconfig(cluster, user));
    assert.deepEqual(await podsOf(`{role: pod, kubeconfig_file: "${file}"}`), ['in-mine', 'in-other'], user);
  }
});

const kubeconfig = (cluster: string, user: string): string => `apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: other, context: {cluster: no, user: no}}
- {name: here, context: {cluster: c, user: u}}
clusters:
- {name: c, cluster: {${cluster}}}
users:
- {name: u, user: {${user}}}
`;

test('what is wrong with a kubeconfig file is said', async () => {
  const file = join(folder(), 'config');
  const cases: readonly (readonly [text: string, message: RegExp])[] = [
    ['{', /it is no YAML/],
    ['{}', /context "" does not exist in/],
    [kubeconfig('server: x', ''), /"x" in .* is no URL of a server/],
    [kubeconfig('server: "http://a"', 'exec: {command: aws}'), /exec in .* is not supported: use a token/],
  ];
  for (const [text, message] of cases) {
    writeFileSync(file, text);
    const environment = discoveryEnvironment();
    const config = configOf(kubernetesSdConfig, `{role: pod, kubeconfig_file: "${file}"}`);
    await discovering(new KubernetesDiscoverer(config, environment), async (found) => {
      await found.until(() => environment.logger.lines.length === 1);
      assert.match(String(environment.logger.lines[0]?.fields.error), message);
    });
  }
});
