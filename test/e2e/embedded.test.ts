/** configs/embedded.yaml as it is, on free ports: what is sent can be asked for, by another process, at once and later. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { call } from '../golden/steps.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { ROOT, read } from '../support/repository.ts';

const QUESTION = 'SELECT service_name, count() AS n FROM traces GROUP BY 1';

test('traces, events, logs and metrics in the embedded store', async () => {
  await using lab = new Lab();
  const [grpc, http] = [await freePort(), await freePort()];
  const yaml = read('configs/embedded.yaml').replace('127.0.0.1:4317', `127.0.0.1:${grpc}`);
  const ports = yaml.replace('127.0.0.1:4318', `127.0.0.1:${http}`);
  const daemon = lab.run(ports, undefined, [
    '--set=service.extensions=[]',
    '--set=service.telemetry.metrics.level=none',
    '--set=service.telemetry.logs.level=warn',
  ]);
  await daemon.listening(http);
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  const timeUnixNano = `${Date.now()}000000`;
  const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  const spans = [{ traceId, spanId, name: 'pay', startTimeUnixNano: timeUnixNano, endTimeUnixNano: timeUnixNano }];
  const logRecords = [
    { timeUnixNano, eventName: 'checkout', body: { stringValue: 'x' } },
    { timeUnixNano, body: { stringValue: 'a line' } },
  ];
  const metrics = [{ name: 'm', gauge: { dataPoints: [{ timeUnixNano, asDouble: 1.5 }] } }];
  const post = async (path: string, body: object) => {
    const type = { 'content-type': 'application/json' };
    const { status } = await call(http, 'POST', path, Buffer.from(JSON.stringify(body)), type);
    assert.equal(status, 200);
  };
  await Promise.all([
    post('/v1/traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
    post('/v1/logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] }),
    post('/v1/metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }),
  ]);
  // an answer means that the rows are there
  assert.equal(await weir(lab.folder, QUESTION), '{"service_name":"shop","n":1}\n');
  assert.equal(await weir(lab.folder, 'SELECT event_type FROM business_events'), '{"event_type":"checkout"}\n');
  assert.equal(await weir(lab.folder, 'SELECT body FROM logs'), '{"body":"a line"}\n');
  const points = `SELECT metric_name, avg FROM aggregated_metrics WHERE window_size = 0`;
  assert.equal(await weir(lab.folder, points), '{"metric_name":"m","avg":1.5}\n');
  assert.equal(await daemon.stop(), 0, daemon.output);
  assert.equal(daemon.output, '');
  assert.equal(await weir(lab.folder, QUESTION), '{"service_name":"shop","n":1}\n');
});

async function weir(cwd: string, sql: string): Promise<string> {
  const argv = [join(ROOT, 'cmd/weir/main.ts'), 'query', '--format=json', sql];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, argv, { cwd });
  assert.equal(stderr, '');
  return stdout;
}
