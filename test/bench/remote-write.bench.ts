/**
 * The prometheus_remote_write exporter beside the reference collector's: processor microseconds a point, receiving
 * over HTTP included. Requests of 1,000 points with six attributes. Run: `node test/bench/remote-write.bench.ts`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { call } from '../golden/steps.ts';
import { needOtelcol } from '../services/otelcol.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { cpuSeconds } from './proc.ts';

const POINTS = 1000;
const WARM_UP = 150;
const REQUESTS = 500;
const LANES = 4;
const ROUNDS = 3;
const PROTO = { 'content-type': 'application/x-protobuf' };

const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(204).end());
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/write`;

const KEYS = ['http.method', 'http.route', 'http.status_code', 'server.address', 'region', 'id'];
const dataPoints = Array.from({ length: POINTS }, (_, i) => ({
  attributes: KEYS.map((key, j) => ({ key, value: { stringValue: `value-${key === 'id' ? i : (i * 7 + j) % 50}` } })),
  timeUnixNano: '1760000000000000000',
  asDouble: i,
}));
const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
const metrics = [{ name: 'queue.size', gauge: { dataPoints } }];
const scopeMetrics = [{ scope: { name: 'library' }, metrics }];
const body = decodeJson(
  'metrics',
  Buffer.from(JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics }] })),
).bytes;

async function measure(command: readonly string[] | undefined): Promise<number> {
  await using lab = new Lab();
  const port = await freePort();
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { prometheusremotewrite: { endpoint: url, remote_write_queue: { enabled: false } } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: { receivers: ['otlp'], exporters: ['prometheusremotewrite'] } },
    },
  };
  const daemon = await lab.run(JSON.stringify(config), command).listening(port);
  const send = async (requests: number): Promise<void> => {
    let sent = 0;
    const lane = async () => {
      while (sent++ < requests) await call(port, 'POST', '/v1/metrics', body, PROTO);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  };
  await send(WARM_UP);
  const before = cpuSeconds(daemon.process.pid as number);
  await send(REQUESTS);
  return ((cpuSeconds(daemon.process.pid as number) - before) * 1e6) / (REQUESTS * POINTS);
}

const best = { weir: Number.POSITIVE_INFINITY, otelcol: Number.POSITIVE_INFINITY };
for (let round = 0; round < ROUNDS; round++) {
  // other work on the machine only adds
  best.weir = Math.min(best.weir, await measure(undefined));
  best.otelcol = Math.min(best.otelcol, await measure([needOtelcol()]));
}
console.log(`weir     ${best.weir.toFixed(2)} us CPU a point (x${(best.weir / best.otelcol).toFixed(2)})`);
console.log(`otelcol  ${best.otelcol.toFixed(2)} us CPU a point`);
server.close();
