/**
 * The targets that weir discovers, against those of the Prometheus in the reference collector: same files, same HTTP
 * service, same Kubernetes API, and the same labels on the same targets.
 */
import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { discoverersOf, discoveries } from '../../core/prometheus/discovery/config.ts';
import type { Discoverer } from '../../core/prometheus/discovery/target-group.ts';
import { configOf, discoveryEnvironment, Found, type PlainTarget } from '../../core/testing/discovery.ts';
import { FakeKubernetesApi } from '../../core/testing/kubernetes-api.ts';
import { CLUSTER, KUBERNETES_JOBS } from '../../core/testing/kubernetes-objects.ts';
import { pod } from '../../core/testing/kubernetes-pods.ts';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { needOtelcol } from './otelcol.ts';

/** Job name to the discovery it has. */
const jobsFor = (server: string, files: string, sdUrl: string): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    Object.entries(KUBERNETES_JOBS).map(([name, keys]) => [
      name,
      `kubernetes_sd_configs: [{api_server: "${server}", ${keys}}]`,
    ]),
  ),
  static: 'static_configs: [{targets: ["a:1", "b:2"], labels: {env: x, empty: ""}}]',
  file: `file_sd_configs: [{files: ["${files}/*.json", "${files}/*.yml"]}]`,
  http: `http_sd_configs: [{url: "${sdUrl}"}]`,
});

const api = new FakeKubernetesApi();
const sd = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('[{"targets": ["h:1", "h:2"], "labels": {"from": "http"}}, {"targets": ["h:3"]}]');
});
const discoverers: Discoverer[] = [];
const found = new Map<string, Found>();
let collector: Daemon;
let targetsUrl: string;

before(async () => {
  for (const [resource, objects] of Object.entries(CLUSTER)) for (const object of objects) api.put(resource, object);
  const server = await api.start();
  await new Promise<void>((resolve) => sd.listen(0, '127.0.0.1', resolve));
  const sdUrl = `http://127.0.0.1:${(sd.address() as AddressInfo).port}/`;
  const files = await mkdtemp(join(tmpdir(), 'weir-discovery-'));
  await writeFile(join(files, 'a.json'), '[{"targets": ["f:1"], "labels": {"n": "1"}}, {"targets": ["f:2", "f:3"]}]');
  await writeFile(join(files, 'b.yml'), '- targets: [f:4]\n  labels: {shard: 012, "quoted": "yes"}\n');
  const port = await freePort();
  targetsUrl = `http://127.0.0.1:${port}/api/v1/targets`;
  const jobs = Object.entries(jobsFor(server, files, sdUrl));
  const config = join(files, 'collector.yaml');
  await writeFile(config, collectorConfig(port, jobs));
  collector = new Daemon({ command: [needOtelcol()], args: ['--config', config] });
  for (const [name, yaml] of jobs) {
    const mine = new Found();
    found.set(name, mine);
    for (const discoverer of discoverersOf(configOf(discoveries, yaml), discoveryEnvironment())) {
      discoverers.push(discoverer);
      void discoverer.run(mine.update);
    }
  }
  await collector.listening(port);
});

after(async () => {
  await Promise.all(discoverers.map((discoverer) => discoverer.close()));
  await collector.stop();
  await api.stop();
  sd.closeAllConnections();
  sd.close();
});

/** Labels become metric labels, as targets that do not differ in those are one. */
function collectorConfig(port: number, jobs: readonly (readonly [name: string, yaml: string])[]): string {
  const scrapes = jobs.map(
    ([name, yaml]) => `        - job_name: ${name}
          relabel_configs: [{action: labelmap, regex: "__(meta.*|address.*)", replacement: "x_$$1"}]
          ${yaml}`,
  );
  return `receivers:
  prometheus:
    api_server: {enabled: true, server_config: {endpoint: "127.0.0.1:${port}"}}
    config:
      global: {scrape_interval: 1h, scrape_timeout: 1s}
      scrape_configs:
${scrapes.join('\n')}
exporters: {nop: {}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [prometheus], exporters: [nop]}}
`;
}

/** What the scraper puts beside what was discovered. */
const OWN = /^(job|__scheme__|__metrics_path__|__scrape_interval__|__scrape_timeout__)$/;

async function reference(): Promise<Map<string, PlainTarget[]>> {
  const answer = await (await fetch(targetsUrl)).json();
  const { activeTargets, droppedTargets } = (answer as { data: Record<string, { discoveredLabels: PlainTarget }[]> })
    .data;
  const byJob = new Map<string, PlainTarget[]>();
  for (const { discoveredLabels } of [...(activeTargets ?? []), ...(droppedTargets ?? [])]) {
    const labels = Object.entries(discoveredLabels).filter(([name]) => !OWN.test(name));
    const target = Object.fromEntries(labels.sort(([a], [b]) => (a < b ? -1 : 1)));
    const job = discoveredLabels.job ?? '';
    byJob.set(job, [...(byJob.get(job) ?? []), target]);
  }
  return byJob;
}

const sorted = (targets: readonly PlainTarget[]): PlainTarget[] =>
  [...targets].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** Prometheus keeps no target without an address, and of equal ones one. */
function ours(job: string): PlainTarget[] {
  const all = (found.get(job)?.targets ?? []).filter(({ __address__ }) => __address__ !== undefined);
  return sorted([...new Map(all.map((target) => [JSON.stringify(target), target])).values()]);
}

/**
 * Prometheus applies what it discovers every five seconds. Endpoints do not follow their pods, nor wait for replica
 * sets and jobs, until something else happens to them.
 */
async function agree(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  api.touch('endpoints');
  api.touch('endpointslices');
  const differing = async (): Promise<string[]> => {
    const theirs = await reference();
    return [...found.keys()].filter((job) => {
      const expected = sorted(theirs.get(job) ?? []);
      return expected.length === 0 || JSON.stringify(ours(job)) !== JSON.stringify(expected);
    });
  };
  const end = performance.now() + 40_000;
  while ((await differing()).length > 0 && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 500));
  const theirs = await reference();
  for (const job of found.keys()) {
    assert.deepEqual(ours(job), sorted(theirs.get(job) ?? []), job);
    assert.ok(ours(job).length > 0, job);
  }
}

test('the targets are those that Prometheus discovers, label by label', async () => {
  await agree();
});

test('they are after everything changed as well', async () => {
  api.put(
    'pods',
    pod(
      'shop',
      'web-3',
      { ip: '10.1.0.4', node: 'worker-2', ready: 'True', containers: [{ name: 'w', image: 'w' }] },
      { labels: { app: 'web' } },
    ),
  );
  api.delete('pods', 'batch/nightly-1');
  api.delete('services', 'shop/front');
  api.delete('endpoints', 'shop/kubelets');
  api.delete('endpointslices', 'shop/nodes-xyz');
  api.put('nodes', {
    metadata: { name: 'worker-2', labels: { pool: 'b', fresh: 'yes' } },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.1.11' }] },
  });
  api.put('namespaces', { metadata: { name: 'shop', labels: { team: 'other' } } });
  api.put('ingresses', { metadata: { namespace: 'batch', name: 'nothing' }, spec: { rules: [{ host: 'c.net' }] } });
  api.dropWatches();
  await agree();
});

test('they are after versions expired while watches were away', async () => {
  api.compact();
  api.failWatches(410);
  api.put('pods', pod('batch', 'late', { ip: '10.1.0.6', node: 'worker-1', containers: [{ name: 'l', image: 'l' }] }));
  api.delete('pods', 'shop/web-2');
  await agree();
  assert.ok(ours('pod').some(({ __meta_kubernetes_pod_name: name }) => name === 'late'));
});
