import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ConfigError } from '../../core/config/fault.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { ExporterTrouble } from '../../core/exporter-helper/health.ts';
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

test('check_exporters: unhealthy while exporters are in trouble for too long', async () => {
  const patience = { failing_for: 60_000, queue_full_for: 10_000 };
  const { host, get, clock, logger } = await start({ check_exporters: patience });
  host.ready(true);
  const trouble = (failing: boolean, full: boolean) => {
    const error = new ExporterTrouble(failing ? new PipelineError('no route to 10.0.0.7') : undefined, full);
    host.status({ kind: 'exporter', id: 'otlp/eu', status: 'StatusRecoverableError', error });
  };
  const answer = async () => {
    const { status, body } = await get();
    return [status, JSON.parse(body).problems];
  };
  trouble(true, false);
  clock.advance(55_000);
  trouble(true, true);
  clock.advance(4_999);
  assert.deepEqual(await answer(), [200, undefined]);
  clock.advance(1);
  const failed = 'exporter otlp/eu has failed for 1m0s';
  assert.deepEqual(await answer(), [503, [failed]]);
  clock.advance(5_000);
  const full = 'the sending queue of exporter otlp/eu has been full for 10s';
  assert.deepEqual(await answer(), [503, ['exporter otlp/eu has failed for 1m5s', full]]);
  trouble(true, false);
  assert.deepEqual(await answer(), [503, ['exporter otlp/eu has failed for 1m5s']]);
  host.status({ kind: 'exporter', id: 'otlp/eu', status: 'StatusOK' });
  assert.deepEqual(await answer(), [200, undefined]);
  trouble(true, false);
  clock.advance(59_999);
  assert.deepEqual(await answer(), [200, undefined], 'the time begins anew');
  assert.deepEqual(logger.messages().slice(2), [
    'Exporters are in trouble, told as unhealthy',
    'Exporters are well again',
  ]);
});

test('without check_exporters exporters do not matter, and 0 means for ever', async () => {
  for (const changes of [{}, { check_exporters: { failing_for: 0, queue_full_for: 0 } }]) {
    const { host, get, clock } = await start(changes);
    host.ready(true);
    const error = new ExporterTrouble(new PipelineError('down'), true);
    host.status({ kind: 'exporter', id: 'otlp', status: 'StatusRecoverableError', error });
    clock.advance(86_400_000);
    assert.equal((await get()).status, 200);
  }
  assert.equal(readYaml(config, '').check_exporters, undefined);
  assert.deepEqual(readYaml(config, 'check_exporters:').check_exporters, {
    failing_for: 300_000,
    queue_full_for: 60_000,
  });
  assert.throws(() => readYaml(config, 'check_exporters: { failing_for: -1s }'), /must be non-negative/);
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
