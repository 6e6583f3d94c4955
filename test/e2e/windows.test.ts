/** Windows of metrics as rows of the platform's table, in the embedded store. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { call } from '../golden/steps.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { ROOT } from '../support/repository.ts';

const MINUTE = 60_000;

function configOf(http: number): string {
  return `
receivers:
  otlp:
    protocols:
      http: {endpoint: 127.0.0.1:${http}}
connectors:
  window: {size: 1m, out_of_orderness: 0s, key: [resource.service.name, metric.name, zone]}
exporters:
  clickhouse:
    endpoint: chdb://./data/store
    schema: platform
service:
  telemetry:
    metrics: {level: none}
    logs: {level: warn}
  pipelines:
    metrics: {receivers: [otlp], exporters: [window]}
    metrics/windows: {receivers: [window], exporters: [clickhouse]}
`;
}

test('a window is a row with its length and numbers', async () => {
  await using lab = new Lab();
  const http = await freePort();
  const daemon = lab.run(configOf(http));
  await daemon.listening(http);
  const begin = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE;
  const point = (time: number, asDouble: number) => ({
    timeUnixNano: `${time}000000`,
    asDouble,
    attributes: [{ key: 'zone', value: { stringValue: 'eu' } }],
  });
  const dataPoints = [...Array.from({ length: 100 }, (_, i) => point(begin + i, i + 1)), point(begin + MINUTE, 5)];
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  const metrics = [{ name: 'latency', gauge: { dataPoints } }];
  const body = Buffer.from(JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }));
  const { status } = await call(http, 'POST', '/v1/metrics', body, { 'content-type': 'application/json' });
  assert.equal(status, 200);
  assert.equal(await daemon.stop(), 0, daemon.output);
  const columns = 'service_name, metric_name, window_size, count, sum, avg, min, max, p95, p99, tags';
  const sql = `SELECT toUnixTimestamp(timestamp) AS at, ${columns} FROM aggregated_metrics ORDER BY timestamp`;
  const argv = [join(ROOT, 'cmd/weir/main.ts'), 'query', '--format=json', sql];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: lab.folder });
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const shared = { service_name: 'shop', metric_name: 'latency.window', window_size: 60 };
  assert.deepEqual(
    rows.map((row) => ({ ...row, count: Number(row.count) })),
    [
      {
        ...{ at: begin / 1_000 + 60, ...shared, count: 100, sum: 5_050, avg: 50.5, min: 1, max: 100, p95: 95, p99: 99 },
        tags: { zone: 'eu' },
      },
      {
        ...{ at: begin / 1_000 + 120, ...shared, count: 1, sum: 5, avg: 5, min: 5, max: 5, p95: 5, p99: 5 },
        tags: { zone: 'eu', 'window.incomplete': 'true' },
      },
    ],
  );
});
