/** JavaScript: the OpenTelemetry SDK sends to weir over gRPC, HTTP with protobuf and HTTP with JSON; weir to grpc-js. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { Lab } from '../support/lab.ts';
import { arrived, CERTIFICATE, type Line, receiver, type SentSpan, weirSendsTo } from './foreign.ts';

const SPANS = 20;
const ca = readFileSync(CERTIFICATE);
type Exporter = ConstructorParameters<typeof OTLPTraceExporter>[0];
type HttpExporter = NonNullable<ConstructorParameters<typeof OTLPLogExporter>[0]>;

/** Spans whose names end in their number. */
async function sendSpans(name: string, options: NonNullable<Exporter>): Promise<SentSpan[]> {
  const spanProcessors = [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(options) })];
  const provider = new TracerProvider({ spanProcessors });
  const tracer = provider.getTracer('shop');
  const sent = Array.from({ length: SPANS }, (_, i): SentSpan => {
    const span = tracer.startSpan(`${name} ${i}`, { attributes: { order: i, tags: ['a', 'é'] } });
    const { traceId, spanId } = span.spanContext();
    span.end();
    return [traceId, spanId, `${name} ${i}`];
  });
  await provider.shutdown();
  return sent;
}

/** A point in protobuf and a record in JSON. */
async function sendOverHttp(base: string, options: HttpExporter): Promise<void> {
  const exporter = new OTLPMetricExporter({ ...options, url: `${base}/v1/metrics` });
  const metrics = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  const records = new OTLPLogExporter({ ...options, url: `${base}/v1/logs` });
  const logs = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: records })] });
  metrics.getMeter('shop').createCounter('requests').add(SPANS);
  logs.getLogger('shop').emit({ body: { text: 'é' } });
  await Promise.all([metrics.shutdown(), logs.shutdown()]);
}

test('JavaScript SDK → weir: gRPC, HTTP with protobuf and JSON, gzip and none, TLS, IPv6', async () => {
  await using lab = new Lab();
  const { daemon, grpc, http, grpcTls, httpTls, grpc6, http6 } = await receiver(lab);
  const gzip = { compression: 'gzip' } as HttpExporter;
  const ways: readonly (readonly [string, object])[] = [
    ['grpc', { url: `http://127.0.0.1:${grpc}` }],
    ['gzip', { url: `http://127.0.0.1:${grpc}`, ...gzip }],
    ['tls', { url: `https://localhost:${grpcTls}`, credentials: credentials.createSsl(ca) }],
    ['six', { url: `http://[::1]:${grpc6}` }],
  ];
  const told = new Map<string, Line>();
  for (const [name, options] of ways) told.set(name, { sent: await sendSpans(name, options) });
  await sendOverHttp(`http://127.0.0.1:${http}`, {});
  await sendOverHttp(`http://127.0.0.1:${http}`, gzip);
  await sendOverHttp(`https://localhost:${httpTls}`, { httpAgentOptions: { ca } });
  await sendOverHttp(`http://[::1]:${http6}`, gzip);
  await arrived(lab, daemon, told);
  const items = (): number => lab.count('out.json') - ways.length * SPANS;
  await daemon.until('four points and four records', () => items() >= 8);
  assert.equal(items(), 8);
});

const script = fileURLToPath(new URL('./foreign-js-server.ts', import.meta.url));
weirSendsTo({ name: 'grpc-js', command: async () => [process.execPath, script], skip: ['zstd'] });
