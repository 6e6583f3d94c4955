import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { configOf, discovering, discoveryEnvironment, readYaml } from '../../testing/discovery.ts';
import { HttpDiscoverer, httpSdConfig } from './http.ts';

interface Service {
  readonly url: string;
  answer: { status: number; type: string; body: string };
  seen: Record<string, unknown>;
}

async function service(t: TestContext, body: string): Promise<Service> {
  const state: Service = { url: '', answer: { status: 200, type: 'application/json; charset=utf-8', body }, seen: {} };
  const server = createServer((request, response) => {
    state.seen = request.headers;
    const { status, type, body: text } = state.answer;
    response.writeHead(status, { 'content-type': type, 'content-encoding': 'gzip' });
    response.end(gzipSync(text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sd` });
}

test('targets come from a URL, stay while it fails, and go when it says so', async (t) => {
  const sd = await service(t, '[{"targets": ["a:1", "b:2"], "labels": {"env": "x"}}, {"targets": ["c:3"]}]');
  const environment = discoveryEnvironment();
  const config = configOf(httpSdConfig, `{url: "${sd.url}", refresh_interval: 100ms, bearer_token: t}`);
  await discovering(new HttpDiscoverer(config, environment), async (found) => {
    await found.until(({ targets }) => targets.length === 3);
    assert.deepEqual(found.targets[0], { __address__: 'a:1', __meta_url: sd.url, env: 'x' });
    assert.deepEqual([...found.groups.keys()], [`${sd.url}:0`, `${sd.url}:1`]);
    assert.equal(sd.seen['x-prometheus-refresh-interval-seconds'], '0.1');
    assert.equal(sd.seen.authorization, 'Bearer t');
    assert.equal(sd.seen['user-agent'], 'weir-test/1');
    const good = sd.answer;
    const failures: readonly (readonly [Partial<Service['answer']>, RegExp])[] = [
      [{ status: 503 }, /server returned HTTP status 503 Service Unavailable/],
      [{ type: 'text/html' }, /unsupported content type "text\/html"/],
      [{ body: '{' }, /JSON/],
      [{ body: '[null]' }, /nil target group item found/],
    ];
    for (const [change, message] of failures) {
      sd.answer = { ...good, ...change };
      environment.logger.lines.length = 0;
      await found.until(() => environment.logger.messages('error').length > 0);
      await new Promise((resolve) => setTimeout(resolve, 250));
      const errors = environment.logger.lines.filter(({ level }) => level === 'error');
      assert.equal(errors.length, 1, 'said once');
      assert.match(String(errors[0]?.fields.error), message);
      assert.equal(found.targets.length, 3);
    }
    sd.answer = { ...good, body: '[{"targets": ["d:4"]}]' };
    await found.until(({ addresses }) => addresses.join() === 'd:4');
    sd.answer = { ...good, body: '[]' };
    await found.until(({ addresses }) => addresses.length === 0);
  });
});

test('what Prometheus refuses is refused', () => {
  const faults = (yaml: string) => readYaml(httpSdConfig, yaml).faults;
  assert.deepEqual(faults('{}'), ['URL is missing']);
  assert.deepEqual(faults('url: "ftp://a"'), ["URL scheme must be 'http' or 'https'"]);
  assert.deepEqual(faults('{url: "http://a", basic_auth: {}, authorization: {}}'), [
    'at most one of basic_auth, oauth2 & authorization must be configured',
  ]);
});
