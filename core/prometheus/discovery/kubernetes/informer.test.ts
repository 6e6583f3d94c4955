import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../clock.ts';
import { configOf, discovering, discoveryEnvironment, type Found } from '../../../testing/discovery.ts';
import { type ApiObject, FakeKubernetesApi } from '../../../testing/kubernetes-api.ts';
import { pod } from '../../../testing/kubernetes-pods.ts';
import { kubernetesSdConfig } from './config.ts';
import { KubernetesDiscoverer } from './discovery.ts';

const web = (name: string, ip: string, labels: Record<string, string> = {}): ApiObject =>
  pod('shop', name, { ip, node: 'n', containers: [{ name: 'c', image: 'i' }] }, { labels });

async function server(t: TestContext): Promise<{ readonly api: FakeKubernetesApi; readonly url: string }> {
  const api = new FakeKubernetesApi();
  const url = await api.start();
  t.after(() => api.stop());
  return { api, url };
}

const discovererOf = (url: string, keys: string, environment = discoveryEnvironment()): KubernetesDiscoverer =>
  new KubernetesDiscoverer(configOf(kubernetesSdConfig, `{api_server: "${url}", ${keys}}`), environment);

/** Ten times as fast where something waits. */
const inHaste = () =>
  discoveryEnvironment({ clock: { ...systemClock, after: (ms, callback) => systemClock.after(ms / 10, callback) } });

const names = (found: Found): string => found.targets.map((target) => target.__meta_kubernetes_pod_name).join();

test('what is there, what comes, what changes and what goes', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  await discovering(discovererOf(url, 'role: pod'), async (found) => {
    await found.until(() => names(found) === 'a');
    api.put('pods', web('b', '10.0.0.2'));
    await found.until(() => names(found) === 'a,b');
    api.put('pods', web('b', '10.0.0.3'));
    await found.until(({ addresses }) => addresses.join() === '10.0.0.1,10.0.0.3');
    api.delete('pods', 'shop/a');
    await found.until(() => names(found) === 'b');
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(api.watches, 0);
  assert.match(api.requests[0] ?? '', /^\/api\/v1\/pods\?limit=500$/);
  assert.match(api.requests[1] ?? '', /watch=true&allowWatchBookmarks=true&resourceVersion=1001&timeoutSeconds=300$/);
});

test('lists come in pages and are one update', async (t) => {
  const { api, url } = await server(t);
  for (let i = 0; i < 1200; i++) api.put('pods', web(`p${i}`, '10.0.0.1'));
  await discovering(discovererOf(url, 'role: pod'), async (found) => {
    await found.until(({ groups }) => groups.size === 1200);
    assert.equal(found.updates, 1);
    assert.equal(api.requests.filter((request) => !request.includes('watch')).length, 3);
  });
});

test('pages that expire before the last was read are read again as one', async (t) => {
  const { api, url } = await server(t);
  for (let i = 0; i < 600; i++) api.put('pods', web(`p${i}`, '10.0.0.1'));
  api.pagesExpire = true;
  await discovering(discovererOf(url, 'role: pod'), async (found) => {
    await found.until(({ groups }) => groups.size === 600);
    assert.equal(api.requests[2], '/api/v1/pods');
  });
});

test('a watch that ends or breaks goes on from the version it got to', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  await discovering(discovererOf(url, 'role: pod'), async (found) => {
    await found.until(() => names(found) === 'a' && api.watches === 1);
    api.put('pods', web('b', '10.0.0.2'));
    api.put('services', { metadata: { name: 'x', namespace: 'y' } });
    api.bookmark();
    await found.until(() => names(found) === 'a,b');
    api.endWatches();
    await found.until(() => api.watches === 1);
    assert.match(api.requests.at(-1) ?? '', /resourceVersion=1003/);
    api.dropWatches();
    api.put('pods', web('c', '10.0.0.3'));
    await found.until(() => names(found) === 'a,b,c');
  });
  assert.equal(api.requests.filter((request) => !request.includes('watch')).length, 1, 'listed once');
});

test('after a version expired everything is read again: what went meanwhile goes', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  api.put('pods', web('b', '10.0.0.2'));
  const environment = discoveryEnvironment();
  await discovering(discovererOf(url, 'role: pod', environment), async (found) => {
    await found.until(() => names(found) === 'a,b' && api.watches === 1);
    api.failWatches(410);
    api.delete('pods', 'shop/a');
    api.put('pods', web('c', '10.0.0.3'));
    api.compact();
    await found.until(() => names(found) === 'b,c');
    await found.until(() => api.watches === 1);
    assert.deepEqual(environment.logger.messages('error'), [], 'nothing to tell anyone about');
  });
});

test('a server that always says 410 is not asked without a pause', async (t) => {
  const { api, url } = await server(t);
  await discovering(discovererOf(url, 'role: pod'), async (found) => {
    await found.until(() => api.watches === 1);
    const before = api.requests.length;
    const timer = setInterval(() => api.failWatches(410), 5);
    await new Promise((resolve) => setTimeout(resolve, 600));
    clearInterval(timer);
    assert.ok(api.requests.length - before <= 6, `${api.requests.length - before} requests`);
  });
});

test('429 and 503 are waited for, said once, and what is known stays', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  const environment = inHaste();
  await discovering(discovererOf(url, 'role: pod', environment), async (found) => {
    await found.until(() => names(found) === 'a' && api.watches === 1);
    const asked = performance.now();
    api.refusals.push({ status: 429, headers: { 'retry-after': '15' } }, { status: 503 });
    api.endWatches();
    api.put('pods', web('b', '10.0.0.2'));
    await found.until(() => api.requests.length >= 4);
    assert.equal(names(found), 'a');
    await found.until(() => names(found) === 'a,b');
    assert.ok(performance.now() - asked > 1500, 'what the server wanted');
    const [first] = environment.logger.lines;
    assert.equal(first?.message, 'Kubernetes objects cannot be read, what is known stays and it is tried again');
    assert.match(String(first?.fields.error), /the server answered 429 Too Many Requests: refused by the test/);
    assert.equal(environment.logger.messages('info').at(-1), 'The Kubernetes API answers again');
  });
});

test('a token that is replaced is read again', async (t) => {
  const { api, url } = await server(t);
  const file = join(mkdtempSync(join(tmpdir(), 'weir-token-')), 'token');
  writeFileSync(file, 'old');
  api.tokens.add('old');
  api.put('pods', web('a', '10.0.0.1'));
  const environment = inHaste();
  const keys = `role: pod, authorization: {credentials_file: ${file}}`;
  await discovering(discovererOf(url, keys, environment), async (found) => {
    await found.until(() => names(found) === 'a' && api.watches === 1);
    api.tokens.clear();
    api.tokens.add('new');
    api.endWatches();
    await found.until(() => environment.logger.messages('error').length === 1);
    assert.match(String(environment.logger.lines[0]?.fields.error), /401 Unauthorized/);
    assert.equal(names(found), 'a');
    writeFileSync(file, 'new');
    api.put('pods', web('b', '10.0.0.2'));
    await found.until(() => names(found) === 'a,b');
  });
});

test('what nobody can see is no update', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  await discovering(discovererOf(url, 'role: pod'), async (found) => {
    await found.until(() => names(found) === 'a' && api.watches === 1);
    const { updates } = found;
    for (let i = 0; i < 10; i++) api.put('pods', { ...web('a', '10.0.0.1'), heartbeat: i });
    api.put('pods', web('b', '10.0.0.2'));
    await found.until(() => names(found) === 'a,b');
    assert.equal(found.updates, updates + 1);
  });
});

test('a namespace that may not be read does not hold up the others', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  const environment = discoveryEnvironment();
  api.refusals.push({ status: 403 });
  const keys = 'role: pod, namespaces: {names: [secret, shop, shop]}';
  await discovering(discovererOf(url, keys, environment), async (found) => {
    await found.until(() => names(found) === 'a');
    assert.match(String(environment.logger.lines[0]?.fields.resource), /\/namespaces\/secret\/pods/);
  });
});

test('targets wait until everything they show was read', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  api.put('nodes', { metadata: { name: 'n', labels: { zone: 'z' } }, status: {} });
  api.refusals.push({ status: 503, path: '/nodes' });
  await discovering(discovererOf(url, 'role: pod, attach_metadata: {node: true}'), async (found) => {
    await found.until(() => names(found) === 'a');
    assert.equal(found.updates, 1);
    assert.equal(found.targets[0]?.__meta_kubernetes_node_label_zone, 'z');
    api.put('nodes', { metadata: { name: 'n', labels: { zone: 'y' } }, status: {} });
    await found.until(({ targets }) => targets[0]?.__meta_kubernetes_node_label_zone === 'y');
    api.delete('nodes', 'n');
    await found.until(({ targets }) => targets.length === 0);
  });
});

test('events that are no JSON or without end do not stop it', async (t) => {
  const { api, url } = await server(t);
  api.put('pods', web('a', '10.0.0.1'));
  await discovering(discovererOf(url, 'role: pod', inHaste()), async (found) => {
    await found.until(() => names(found) === 'a' && api.watches === 1);
    api.rawToWatches('what is this\n');
    api.put('pods', web('b', '10.0.0.2'));
    await found.until(() => names(found) === 'a,b' && api.watches === 1);
    api.rawToWatches('x'.repeat(9 * 1024 * 1024));
    api.put('pods', web('c', '10.0.0.3'));
    await found.until(() => names(found) === 'a,b,c');
    api.rawToWatches('null\n{"type":"ADDED"}\n{"type":"MODIFIED","object":{"metadata":7}}\n[]\n');
    api.put('pods', web('d', '10.0.0.4'));
    await found.until(() => names(found) === 'a,b,c,d');
  });
});
