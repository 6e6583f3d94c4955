import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { StatusCode } from '../status-code.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { TestMeter } from '../testing/settings.ts';
import { GrpcClient } from './client.ts';
import { GrpcError } from './grpc-error.ts';
import { CallMetrics, measureMethods } from './metrics.ts';
import { GrpcServer } from './server.ts';
import type { UnaryHandler } from './types.ts';

test('calls at both ends, by method and status', async () => {
  const meter = new TestMeter('detailed');
  const methods = new Map<string, UnaryHandler>([
    ['/a.B/Good', (call) => call.reply(Buffer.alloc(0))],
    ['/a.B/Bad', (call) => call.fail({ code: StatusCode.RESOURCE_EXHAUSTED, message: 'full' })],
  ]);
  const endpoint = { host: '127.0.0.1', port: 0 };
  const server = new GrpcServer({ endpoint, methods: measureMethods(methods, meter, systemClock) });
  const { port } = (await server.listen()) as AddressInfo;
  const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port } });
  const metrics = new CallMetrics(meter, systemClock);
  const call = (path: string) => metrics.measure(path, () => client.unary(path, [], 0, { timeoutMs: 5000 }));
  await call('/a.B/Good');
  await call('/a.B/Good');
  await assert.rejects(call('/a.B/Bad'), { message: 'full' });
  await client.close();
  await server.close(0);
  for (const name of ['rpc.server.call.duration', 'rpc.client.call.duration']) {
    assert.deepEqual(
      meter.series(name).map((s) => [s.labels['rpc.method'], s.labels['rpc.response.status_code'], s.recorded.length]),
      [
        ['a.B/Good', 'OK', 2],
        ['a.B/Bad', 'RESOURCE_EXHAUSTED', 1],
      ],
    );
  }
});

test('the time of a failed call is its own', async () => {
  const clock = new FakeClock();
  const meter = new TestMeter('detailed');
  const failing = new CallMetrics(meter, clock).measure('/a.B/C', async () => {
    clock.advance(1500);
    throw new GrpcError(StatusCode.UNAVAILABLE, 'gone');
  });
  await assert.rejects(failing, { message: 'gone' });
  assert.deepEqual(meter.series('rpc.client.call.duration')[0]?.recorded, [1.5]);
});

test('below level detailed nothing is measured', async () => {
  const meter = new TestMeter('normal');
  const methods = new Map<string, UnaryHandler>();
  assert.equal(measureMethods(methods, meter, new FakeClock()), methods);
  assert.equal(await new CallMetrics(meter, new FakeClock()).measure('/a.B/C', async () => 1), 1);
  assert.deepEqual(meter.series('rpc.client.call.duration'), []);
});
