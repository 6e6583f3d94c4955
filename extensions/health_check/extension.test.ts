import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ConfigError } from '../../core/config/fault.ts';
import { readYaml } from '../../core/config/read.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { type Config, config } from './config.ts';
import { HealthCheck } from './extension.ts';

const running: HealthCheck[] = [];
after(() => Promise.all(running.map((extension) => extension.shutdown())));

async function start(changes: Partial<Config> = {}) {
  const host = new NopHost();
  const settings = testSettings({ id: 'health_check', kind: 'extension', signals: [] });
  const extension = new HealthCheck(settings, { ...config.absent(), endpoint: '127.0.0.1:0', ...changes });
  await extension.start(host);
  running.push(extension);
  const get = async (path = '/') => {
    const response = await fetch(`http://127.0.0.1:${extension.port}${path}`);
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: await response.text(),
      response,
    };
  };
  return { host, extension, get, ...settings };
}

test('503 until the pipelines run, 200 while they do, 503 when they stop', async () => {
  const { host, get, clock, logger } = await start();
  const unavailable = '{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}';
  assert.deepEqual([(await get()).status, (await get()).body], [503, unavailable]);
  host.ready(true);
  clock.advance(62_500);
  const good = await get();
  assert.deepEqual([good.status, good.type], [200, 'application/json']);
  assert.equal(good.body, '{"status":"Server available","upSince":"2020-02-11T20:26:12Z","uptime":"1m2.5s"}');
  host.ready(false);
  assert.deepEqual([(await get()).status, (await get()).body], [503, unavailable]);
  assert.deepEqual(
    logger.lines.slice(1).map((line) => [line.message, line.fields.status]),
    [
      ['Health Check state change', 'ready'],
      ['Health Check state change', 'unavailable'],
    ],
  );
});

test('every method is answered, and with the default path every path', async () => {
  const { host, extension, get } = await start();
  host.ready(true);
  assert.equal((await get('/other?x=1')).status, 200);
  const post = await fetch(`http://127.0.0.1:${extension.port}/`, { method: 'POST', body: 'x' });
  assert.equal(post.status, 200);
});

test('a path without a slash at the end is that path only', async () => {
  const { host, get } = await start({ path: '/health' });
  host.ready(true);
  assert.equal((await get('/health')).status, 200);
  const below = await get('/health/x');
  assert.deepEqual([below.status, below.body], [404, '404 page not found\n']);
});

test('fixed bodies and response headers', async () => {
  const { host, get } = await start({ response_body: { healthy: '<ok>', unhealthy: 'no' } });
  assert.deepEqual([(await get()).status, (await get()).body], [503, 'no']);
  host.ready(true);
  assert.deepEqual([(await get()).body, (await get()).type], ['<ok>', 'text/plain; charset=utf-8']);
});

test('a port in use fails the start', async () => {
  const { extension } = await start();
  const endpoint = `127.0.0.1:${extension.port}`;
  await assert.rejects(start({ endpoint }), {
    message: `failed to bind to address ${endpoint}: listen tcp ${endpoint}: bind: address already in use`,
  });
});

test('what cannot work is refused before the start', () => {
  const faults = (changes: Partial<Config>): string[] => {
    const found: string[] = [];
    config.validate({ ...config.absent(), ...changes }, 'x', (path, message) => found.push(`${path}: ${message}`));
    return found;
  };
  assert.deepEqual(faults({}), []);
  assert.deepEqual(faults({ endpoint: '' }), ['x::config: http endpoint required']);
  assert.deepEqual(faults({ path: 'abc' }), ['x::config: path must start with /']);
  assert.match(faults({ grpc: { endpoint: 'x' } })[0] ?? '', /v2 healthcheck configuration .* detected/);
  for (const yaml of ['http:', 'grpc: {}', 'use_v2: true', '{use_v2: true, http: }']) {
    assert.throws(() => readYaml(config, yaml), ConfigError, yaml);
  }
  readYaml(config, '{use_v2: false, component_health: }');
});

test('shutdown is safe before start and when repeated', async () => {
  const settings = testSettings({ id: 'health_check', kind: 'extension', signals: [] });
  const extension = new HealthCheck(settings, { ...config.absent(), endpoint: '127.0.0.1:0' });
  await extension.shutdown();
  await extension.shutdown();
});
