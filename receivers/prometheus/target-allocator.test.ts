import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../core/clock.ts';
import { readYaml } from '../../core/config/read.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { config } from './config.ts';
import { PrometheusReceiver } from './receiver.ts';

test('a target allocator says what to scrape, and what no more', { timeout: 60_000 }, async () => {
  let jobs = '';
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    const path = request.url ?? '';
    if (path === '/scrape_configs') response.end(jobs);
    else if (path === '/jobs/a%2Fb/targets?collector_id=c1') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify([{ targets: [`127.0.0.1:${port}`], labels: { zone: 'z' } }]));
    } else response.end('m 1\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  jobs = 'a/b: {job_name: a/b, scrape_interval: 100ms, metrics_path: /m}';
  const yaml = `target_allocator: {endpoint: "http://127.0.0.1:${port}", interval: 100ms, collector_id: c1}`;
  const sink = new SinkConsumer();
  const settings = { ...testSettings({ id: 'prometheus', kind: 'receiver' }), clock: systemClock };
  const outputs = { for: () => sink, pipelines: new Map() };
  const receiver = new PrometheusReceiver(settings, readYaml(config, yaml), outputs);
  receiver.start();
  while (sink.batches.length < 3) await sleep(10);
  const [batch] = sink.batches;
  const attributes = decodeTree('metrics', batch as never).resourceMetrics[0]?.resource?.attributes ?? [];
  assert.equal(attributes.find(({ key }) => key === 'service.name')?.value?.stringValue, 'a/b');
  jobs = '{}';
  await sleep(400);
  const before = sink.batches.length;
  await sleep(300);
  assert.equal(sink.batches.length, before);
  await receiver.shutdown();
  server.closeAllConnections();
  server.close();
});

test('an allocator needs an address and an id', () => {
  for (const [yaml, message] of [
    ['target_allocator: {endpoint: x, collector_id: a, interval: 1s}', /TargetAllocator endpoint is not valid: x/],
    ['target_allocator: {endpoint: "http://a", interval: 1s}', /CollectorID is not a valid ID/],
    ['config: {}', /no Prometheus scrape_configs or target_allocator set/],
  ] as const) {
    assert.throws(() => readYaml(config, yaml), message);
  }
});
