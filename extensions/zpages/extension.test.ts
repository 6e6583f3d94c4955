import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Host, ServiceOverview } from '../../core/component.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { TEST_BUILD, testSettings } from '../../core/testing/settings.ts';
import type { ContributedSection, ZPageHost } from '../../core/zpages.ts';
import { type Config, config } from './config.ts';
import { ZPages } from './extension.ts';

const running: ZPages[] = [];
after(() => Promise.all(running.map((extension) => extension.shutdown())));

const OVERVIEW: ServiceOverview = {
  build: TEST_BUILD,
  startedAt: 1_581_452_712_000,
  pipelines: [
    {
      id: 'traces/<a>',
      signal: 'traces',
      receivers: ['otlp'],
      processors: ['memory_limiter', 'batch'],
      exporters: ['debug', 'count'],
    },
  ],
  extensions: ['zpages', 'health_check'],
  featureGates: [{ id: 'some.gate', enabled: true, stage: 'Beta', description: 'Does <this> & that.' }],
};

class TestHost extends NopHost implements Host, ZPageHost {
  override readonly overview = OVERVIEW;
  sections: ContributedSection[] = [];
  zPageSections(): ContributedSection[] {
    return this.sections;
  }
}

async function start(changes: Partial<Config> = {}) {
  const host = new TestHost();
  const settings = testSettings({ id: 'zpages', kind: 'extension', signals: [] });
  const extension = new ZPages(settings, { ...config.absent(), endpoint: '127.0.0.1:0', ...changes });
  await extension.start(host);
  running.push(extension);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${extension.port}${path}`);
    const body = await response.text();
    const text = body.replace(/<style>.*<\/style>/s, '').replace(/<[^>]*>/g, '|');
    return {
      status: response.status,
      url: response.url,
      headers: response.headers,
      body,
      text: text.replace(/[|\s]+/g, ' '),
    };
  };
  return { host, get, clock: settings.clock };
}

test('the service, with its uptime', async () => {
  const { get } = await start();
  const page = await get('/debug/servicez');
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(page.text, /Service weir .* Version 0\.0\.0-test .* Uptime 1m0s /);
  assert.ok((await get('/')).url.endsWith('/debug/servicez'));
});

test('pipelines, and one with the state of its components', async () => {
  const { host, get } = await start();
  host.status({ kind: 'receiver', id: 'otlp', status: 'StatusOK' });
  host.status({ kind: 'connector', id: 'count', status: 'StatusRecoverableError', error: new Error('no <way>') });
  const { body, text } = await get('/debug/pipelinez');
  assert.match(text, / traces\/&lt;a&gt; traces otlp memory_limiter → batch debug, count /);
  assert.ok(body.includes('?pipelinename=traces%2F%3Ca%3E'));
  assert.ok(body.includes('<span class="bad" title="no &lt;way&gt;">count</span>'));
  const one = await get('/debug/pipelinez?pipelinename=traces%2F%3Ca%3E');
  assert.match(one.text, /receiver otlp OK /);
  assert.match(one.text, /exporter debug not known connector count RecoverableError: no &lt;way&gt; /);
  assert.match((await get('/debug/pipelinez?pipelinename=<x>')).text, /Pipeline &lt;x&gt; There is no such pipeline/);
});

test('extensions and feature gates', async () => {
  const { host, get } = await start();
  host.status({ kind: 'extension', id: 'zpages', status: 'StatusOK' });
  assert.match((await get('/debug/extensionz')).text, / zpages OK health_check not known /);
  assert.match((await get('/debug/featurez')).text, / some\.gate on Beta Does &lt;this&gt; &amp; that\. /);
});

test('recent errors, newest first and not more than a hundred', async () => {
  const { host, get, clock } = await start();
  for (let i = 0; i <= 100; i++) {
    clock.advance(1000);
    host.status({ kind: 'exporter', id: 'otlp', status: 'StatusRecoverableError', error: new Error(`e${i}.`) });
  }
  host.status({ kind: 'exporter', id: 'otlp', status: 'StatusOK' });
  const { text } = await get('/debug/tracez');
  assert.match(text, /2020-02-11T20:27:53\.000Z exporter otlp RecoverableError e100\. .* e99\. .* e1\. /);
  assert.ok(!text.includes('e0.'));
});

test('a component adds a section to a known page or a page of its own', async () => {
  const { host, get } = await start();
  const section = (page: string) => ({ page, title: 'Drops', columns: ['Why', 'Count'], rows: () => [['<rate>', 3]] });
  host.sections = [
    { kind: 'processor', id: 'tail_sampling', section: section('tracez') },
    { kind: 'processor', id: 'tail_sampling', section: section('drops') },
  ];
  assert.match(
    (await get('/debug/tracez')).text,
    /Recent errors none Drops processor tail_sampling Why Count &lt;rate&gt; 3 /,
  );
  const own = await get('/debug/drops');
  assert.ok(own.body.includes('<a href="/debug/drops">drops</a>'));
  assert.match(own.text, /Why Count &lt;rate&gt; 3 /);
});

test('variables only where they are enabled; other paths are not found', async () => {
  const off = await start();
  for (const path of ['/debug/expvarz', '/debug/rpcz', '/servicez', '/x/debug/servicez']) {
    assert.equal((await off.get(path)).status, 404, path);
  }
  const on = await start({ expvar: { enabled: true } });
  const { cmdline, memstats } = JSON.parse((await on.get('/debug/expvarz')).body);
  assert.deepEqual(cmdline, process.argv);
  assert.ok(memstats.HeapAlloc > 0);
});

test('an empty endpoint is refused; shutdown is safe before start', async () => {
  const found: string[] = [];
  config.validate({ ...config.absent(), endpoint: '' }, '', (_path, message) => found.push(message));
  assert.deepEqual(found, ['"endpoint" is required when using the "zpages" extension']);
  await new ZPages(testSettings({ id: 'zpages', kind: 'extension' }), config.absent()).shutdown();
});
