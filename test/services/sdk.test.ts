/** An application with the OpenTelemetry SDK → weir → the real collector → weir → file; nothing is lost or changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeverityNumber } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { diff } from '../golden/diff.ts';
import { normalise } from '../golden/normalise.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { needOtelcol } from './otelcol.ts';

const REQUESTS = 200;
/** A request makes one server span and one client span. */
const SPANS = REQUESTS * 2;
const LOGS = REQUESTS;
/** Two counter series, one histogram series, one gauge series. */
const POINTS = 4;

/** One collector of the chain: takes OTLP, writes it, and hands it on by the exporter `next`, `type: { … }`. */
function hop(grpc: number, http: number, file: string, next = 'nop: {}'): string {
  const pipeline = `{ receivers: [otlp], processors: [batch], exporters: [file, ${next.split(':')[0]}] }`;
  return `
receivers:
  otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${grpc}" }, http: { endpoint: "127.0.0.1:${http}" } } }
processors:
  batch: { timeout: 100ms }
exporters:
  file: { path: "${file}", flush_interval: 100ms }
  ${next}
service:
  telemetry: { logs: { level: warn }, metrics: { level: none } }
  pipelines: { traces: ${pipeline}, metrics: ${pipeline}, logs: ${pipeline} }
`;
}

/** What an application does: nested spans, metrics of three kinds, a log record within each request. */
async function application(grpcPort: number, httpPort: number): Promise<void> {
  const resource = resourceFromAttributes({ 'service.name': 'shop', 'service.version': '3.1.0' });
  const traces = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `http://127.0.0.1:${grpcPort}` }) }),
    ],
  });
  const metrics = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `http://127.0.0.1:${httpPort}/v1/metrics` }),
        exportIntervalMillis: 3_600_000,
      }),
    ],
  });
  const logs = new LoggerProvider({
    resource,
    processors: [
      new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `http://127.0.0.1:${httpPort}/v1/logs` }) }),
    ],
  });
  const tracer = traces.getTracer('shop', '1.0');
  const meter = metrics.getMeter('shop');
  const logger = logs.getLogger('shop');
  const requests = meter.createCounter('requests', { unit: '{request}' });
  const latency = meter.createHistogram('latency', { unit: 'ms' });
  const depth = meter.createGauge('queue.depth');
  for (let i = 0; i < REQUESTS; i++) {
    const server = tracer.startSpan(`GET /order/${i}`, { attributes: { 'http.status_code': 200, order: i } });
    const client = tracer.startSpan('SELECT', { attributes: { 'db.rows': [1, 2, 3], cached: i % 2 === 0 } });
    client.addEvent('fetched', { rows: 3 });
    client.end();
    requests.add(1, { method: i % 2 === 0 ? 'GET' : 'PUT' });
    latency.record(i * 1.5);
    depth.record(i);
    logger.emit({
      severityNumber: SeverityNumber.INFO,
      severityText: 'INFO',
      body: { order: i, items: ['tea', 'cup'] },
      attributes: { user: `u${i}` },
    });
    server.end();
  }
  await Promise.all([traces.shutdown(), metrics.shutdown(), logs.shutdown()]);
}

test('an instrumented application → weir → otelcol → weir → file', async () => {
  await using lab = new Lab();
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const [inGrpc, inHttp, midGrpc, midHttp, outGrpc, outHttp] = ports as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const last = lab.run(hop(outGrpc, outHttp, lab.path('last.json')));
  await last.listening(outGrpc, outHttp);
  const middle = lab.run(
    hop(midGrpc, midHttp, lab.path('middle.json'), `otlphttp: { endpoint: "http://127.0.0.1:${outHttp}" }`),
    [needOtelcol()],
  );
  await middle.listening(midGrpc, midHttp);
  const first = lab.run(
    hop(inGrpc, inHttp, lab.path('first.json'), `otlp: { endpoint: "127.0.0.1:${midGrpc}", tls: { insecure: true } }`),
  );
  await first.listening(inGrpc, inHttp);

  await application(inGrpc, inHttp);
  await last.until('everything in the last file', () => lab.count('last.json') >= SPANS + POINTS + LOGS);
  for (const collector of [first, middle, last]) assert.equal(await collector.stop(), 0, collector.output);

  const outputs = ['first.json', 'middle.json', 'last.json'].map((file) => lab.documents(file));
  for (const documents of outputs) {
    const count = (signal: string) =>
      normalise(
        documents.filter((d) => signal in d),
        { countOnly: true },
      ).items;
    assert.deepEqual(
      { spans: count('resourceSpans'), points: count('resourceMetrics'), logs: count('resourceLogs') },
      { spans: SPANS, points: POINTS, logs: LOGS },
    );
  }
  const [atFirst, atMiddle, atLast] = outputs.map((documents) => normalise(documents, {}));
  assert.equal(diff(atFirst, atMiddle, 'middle'), undefined);
  assert.equal(diff(atFirst, atLast, 'last'), undefined);
});
