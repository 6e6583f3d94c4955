/**
 * The targets of each role. What is expected was held against the Prometheus of the reference collector, label by
 * label, by test/services/prometheus-discovery.test.ts, which runs the same jobs on the same cluster.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { configOf, discovering, discoveryEnvironment, type PlainTarget } from '../../../testing/discovery.ts';
import { FakeKubernetesApi } from '../../../testing/kubernetes-api.ts';
import { CLUSTER, KUBERNETES_JOBS } from '../../../testing/kubernetes-objects.ts';
import { kubernetesSdConfig } from './config.ts';
import { KubernetesDiscoverer } from './discovery.ts';

const EXPECTED = new URL('./testdata/targets.json', import.meta.url);
const expected: Record<string, readonly PlainTarget[]> = JSON.parse(readFileSync(EXPECTED, 'utf8'));

const api = new FakeKubernetesApi();
let url = '';
before(async () => {
  for (const [resource, objects] of Object.entries(CLUSTER)) for (const object of objects) api.put(resource, object);
  url = await api.start();
});
after(async () => {
  await api.stop();
  if (process.env.UPDATE === '1') writeFileSync(EXPECTED, `${JSON.stringify(expected, null, 1)}\n`);
});

for (const [name, keys] of Object.entries(KUBERNETES_JOBS)) {
  test(`targets of ${name}`, async () => {
    const config = configOf(kubernetesSdConfig, `{api_server: "${url}", ${keys}}`);
    await discovering(new KubernetesDiscoverer(config, discoveryEnvironment()), async (found) => {
      await found.until(({ updates }) => updates > 0);
      if (process.env.UPDATE === '1') expected[name] = found.targets;
      assert.deepEqual(found.targets, expected[name]);
    });
  });
}
