import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../testing/fake-clock.ts';
import { TestMeter } from '../testing/settings.ts';
import { endpointLabels, HttpClientMetrics, measureServer } from './metrics.ts';
import { HttpResponse } from './response.ts';
import type { HttpHandler, HttpRequest } from './types.ts';

function request(method: string, path: string): HttpRequest & { readonly answers: HttpResponse[] } {
  const buffer = Buffer.from('abc');
  const answers: HttpResponse[] = [];
  return {
    method,
    path,
    query: '',
    version: '1.1',
    peer: { address: '', port: 0 },
    body: { buffer, start: 0, end: buffer.length },
    bodyTooLarge: false,
    cancelled: false,
    auth: undefined,
    denied: undefined,
    header: () => undefined,
    headers: () => new Map(),
    respond: (response) => answers.push(response),
    answers,
  };
}

const OPTIONS = { labels: endpointLabels('127.0.0.1:4318', false), routes: ['/v1/traces'] };

test('the requests of a server', () => {
  const clock = new FakeClock();
  const meter = new TestMeter('detailed');
  const handler = measureServer(
    (received) => {
      clock.advance(250);
      received.respond(new HttpResponse(received.path === '/v1/traces' ? 200 : 404, [], 'hello'));
    },
    { ...OPTIONS, clock, meter },
  );
  const first = request('POST', '/v1/traces');
  for (const one of [first, request('POST', '/v1/traces'), request('BREW', '/pot')]) handler(one);
  assert.equal(first.answers.length, 1);
  const [known, unknown] = meter.series('http.server.request.duration');
  assert.deepEqual(known?.recorded, [0.25, 0.25]);
  assert.deepEqual(known?.labels, {
    'http.request.method': 'POST',
    'http.response.status_code': '200',
    'http.route': '/v1/traces',
    'network.protocol.name': 'http',
    'network.protocol.version': '1.1',
    'server.address': '127.0.0.1',
    'server.port': '4318',
    'url.scheme': 'http',
  });
  assert.equal(unknown?.labels['http.request.method'], '_OTHER');
  assert.equal(unknown?.labels['http.route'], undefined);
  assert.deepEqual(meter.series('http.server.request.body.size')[0]?.recorded, [3, 3]);
  assert.deepEqual(meter.series('http.server.response.body.size')[0]?.recorded, [5, 5]);
});

test('below level detailed nothing is measured', async () => {
  const handler: HttpHandler = () => {};
  const meter = new TestMeter('normal');
  assert.equal(measureServer(handler, { ...OPTIONS, clock: new FakeClock(), meter }), handler);
  const metrics = new HttpClientMetrics(meter, new FakeClock());
  assert.deepEqual(await metrics.measure('POST', new URL('http://x'), 1, async () => ({ status: 200 })), {
    status: 200,
  });
  assert.deepEqual(meter.series('http.client.request.duration'), []);
});

test('the requests of a client, with what went wrong', async () => {
  const meter = new TestMeter('detailed');
  const clock = new FakeClock();
  const metrics = new HttpClientMetrics(meter, clock);
  const send = (url: string, exchange: () => Promise<{ status: number }>) =>
    metrics.measure('POST', new URL(url), 46, () => {
      clock.advance(20);
      return exchange();
    });
  await send('https://peer/v1/traces', async () => ({ status: 200 }));
  await send('http://peer:4318/v1/traces', async () => ({ status: 503 }));
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  await assert.rejects(
    send('http://peer:4318/', () => Promise.reject(refused)),
    refused,
  );
  const series = meter.series('http.client.request.duration');
  assert.deepEqual(
    series.map(({ labels }) => [labels['http.response.status_code'], labels['error.type'], labels['server.port']]),
    [
      ['200', undefined, '443'],
      ['503', undefined, '4318'],
      [undefined, 'ECONNREFUSED', '4318'],
    ],
  );
  assert.deepEqual(series[0]?.recorded, [0.02]);
  assert.deepEqual(meter.series('http.client.request.body.size')[0]?.recorded, [46]);
});
