/** A process of weir finds targets in every way there is and scrapes them, also after they changed. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { type ApiObject, FakeKubernetesApi } from '../../core/testing/kubernetes-api.ts';
import { pod } from '../../core/testing/kubernetes-pods.ts';
import { Daemon } from '../../test/support/daemon.ts';
import { freePort } from '../../test/support/ports.ts';

const EXAMPLE = new URL('../../configs/kubernetes.yaml', import.meta.url);

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A target whose page tells which one it is. */
const target = (t: TestContext, name: string): Promise<number> =>
  listen(
    t,
    createServer((request, response) => response.end(`page{name="${name}",path="${request.url}"} 1\n`)),
  );

interface Run {
  /** The series on the page of the exporter, without values. */
  readonly series: () => Promise<string[]>;
  readonly until: (what: string, condition: (series: readonly string[]) => boolean) => Promise<void>;
}

async function run(t: TestContext, scrapeConfigs: readonly unknown[]): Promise<Run> {
  const port = await freePort();
  const config = {
    receivers: {
      prometheus: {
        config: { global: { scrape_interval: '200ms', scrape_timeout: '200ms' }, scrape_configs: scrapeConfigs },
      },
    },
    exporters: {
      prometheus: { endpoint: `127.0.0.1:${port}`, resource_to_telemetry_conversion: { enabled: true } },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: { receivers: ['prometheus'], exporters: ['prometheus'] } },
    },
  };
  const file = join(await mkdtemp(join(tmpdir(), 'weir-scrape-')), 'config.yaml');
  await writeFile(file, stringify(config));
  const daemon = new Daemon({ args: ['--config', file] });
  t.after(() => daemon.stop());
  await daemon.listening(port);
  const series = async (): Promise<string[]> => {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return page.split('\n').filter((line) => line.startsWith('page{'));
  };
  const until = (what: string, condition: (series: readonly string[]) => boolean): Promise<void> =>
    daemon.until(what, async () => condition(await series()), 20_000);
  return { series, until };
}

const has = (series: readonly string[], ...parts: readonly string[]): boolean =>
  series.some((line) => parts.every((part) => line.includes(part)));

test('targets that stand in the configuration, in files and in the answer of a service', async (t) => {
  const [one, two, three, four] = await Promise.all(['one', 'two', 'three', 'four'].map((name) => target(t, name)));
  const dir = await mkdtemp(join(tmpdir(), 'weir-targets-'));
  const file = join(dir, 'targets.json');
  await writeFile(file, JSON.stringify([{ targets: [`127.0.0.1:${two}`], labels: { from: 'file' } }]));
  const sd = await listen(
    t,
    createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify([{ targets: [`127.0.0.1:${three}`], labels: { from: 'service' } }]));
    }),
  );
  const { until } = await run(t, [
    { job_name: 'static', static_configs: [{ targets: [`127.0.0.1:${one}`], labels: { from: 'config' } }] },
    { job_name: 'file', file_sd_configs: [{ files: [`${dir}/*.json`] }] },
    { job_name: 'http', http_sd_configs: [{ url: `http://127.0.0.1:${sd}/` }] },
  ]);
  await until('all three', (series) => {
    const found = [
      has(series, 'name="one"', 'from="config"', 'job="static"'),
      has(series, 'name="two"', 'from="file"', 'job="file"', `instance="127.0.0.1:${two}"`),
      has(series, 'name="three"', 'from="service"', 'job="http"'),
    ];
    return found.every(Boolean);
  });
  await writeFile(join(dir, 'new'), JSON.stringify([{ targets: [`127.0.0.1:${four}`] }]));
  await rename(join(dir, 'new'), file);
  await until('the target of the new file', (series) => has(series, 'name="four"') && !has(series, 'name="two"'));
});

test('pods that ask for it, by the example in configs/kubernetes.yaml', async (t) => {
  const api = new FakeKubernetesApi();
  const server = await api.start();
  t.after(() => api.stop());
  const [one, two] = await Promise.all(['one', 'two'].map((name) => target(t, name)));
  const annotated = (name: string, port: number | undefined, more: Record<string, string> = {}): ApiObject =>
    pod(
      'production',
      name,
      {
        ip: '127.0.0.1',
        containers: [
          { name: 'a', image: 'a', ports: [{ name: 'http', containerPort: 1, protocol: 'TCP' }] },
          { name: 'b', image: 'b' },
        ],
      },
      {
        labels: { 'app.kubernetes.io/name': 'shop' },
        annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(port), ...more },
      },
    );
  api.put('pods', annotated('first', one, { 'prometheus.io/path': '/own' }));
  api.put('pods', pod('production', 'silent', { ip: '127.0.0.1', containers: [{ name: 'c', image: 'c' }] }));
  const example = parse(await readFile(EXAMPLE, 'utf8'));
  const [job] = example.receivers.prometheus.config.scrape_configs;
  const { series, until } = await run(t, [{ ...job, kubernetes_sd_configs: [{ role: 'pod', api_server: server }] }]);
  const labels = ['name="one"', 'path="/own"', 'pod="first"', 'namespace="production"', 'app="shop"', 'job="pods"'];
  await until('the pod', (all) => has(all, ...labels));
  assert.equal((await series()).length, 1, 'one target, though it has two containers');
  api.put('pods', annotated('second', two));
  await until('a new pod', (all) => has(all, 'name="two"', 'pod="second"', 'path="/metrics"'));
  api.delete('pods', 'production/first');
  await until('the end of the first', (all) => all.length === 1 && has(all, 'name="two"'));
});
