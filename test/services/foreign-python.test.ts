/** Python: the OpenTelemetry SDK and grpcio send to weir, and weir sends to a server on grpcio. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Lab } from '../support/lab.ts';
import {
  arrived,
  CERTIFICATE,
  EXPORT,
  installed,
  lines,
  NO_REQUEST,
  ONE_SPAN,
  receiver,
  UNKNOWN_METHOD,
  weirSendsTo,
} from './foreign.ts';

const SCRIPT = fileURLToPath(new URL('./foreign_python.py', import.meta.url));
const SPANS = 20;
const command = async () => [await installed('foreign-python.sh'), SCRIPT];

test('Python SDK → weir: gRPC and HTTP, gzip and none, TLS, IPv6', async () => {
  await using lab = new Lab();
  const { daemon, grpc, http, grpcTls, httpTls, grpc6, http6 } = await receiver(lab);
  const cases = [
    { name: 'grpc', protocol: 'grpc', endpoint: `http://127.0.0.1:${grpc}` },
    { name: 'grpc gzip', protocol: 'grpc', endpoint: `http://127.0.0.1:${grpc}`, compression: 'gzip' },
    { name: 'grpc tls', protocol: 'grpc', endpoint: `https://localhost:${grpcTls}`, ca: CERTIFICATE },
    { name: 'grpc six', protocol: 'grpc', endpoint: `http://[::1]:${grpc6}`, compression: 'gzip' },
    { name: 'http', protocol: 'http', endpoint: `http://127.0.0.1:${http}` },
    { name: 'http gzip', protocol: 'http', endpoint: `http://127.0.0.1:${http}`, compression: 'gzip' },
    { name: 'http tls', protocol: 'http', endpoint: `https://localhost:${httpTls}`, ca: CERTIFICATE },
    { name: 'http six', protocol: 'http', endpoint: `http://[::1]:${http6}`, compression: 'gzip' },
  ].map((one) => ({ ...one, spans: SPANS }));
  const told = await lines([...(await command()), 'send', JSON.stringify(cases)]);
  assert.equal(told.size, cases.length);
  await arrived(lab, daemon, told);
  const points = lab.documents('out.json').filter((document) => 'resourceMetrics' in document);
  const values = points.flatMap(({ resourceMetrics }) =>
    // biome-ignore lint/suspicious/noExplicitAny: a document of any shape
    resourceMetrics.map((group: any) => group.scopeMetrics[0].metrics[0].sum.dataPoints[0].asInt),
  );
  assert.deepEqual(
    values,
    cases.map(() => String(SPANS)),
  );
});

test('grpcio → weir: a Unix socket, TLS, and the status of what is refused', async () => {
  await using lab = new Lab();
  const { daemon, grpc, grpcTls, socket } = await receiver(lab);
  const endpoint = `127.0.0.1:${grpc}`;
  const told = await lines([
    ...(await command()),
    'send',
    JSON.stringify([
      { name: 'unix', endpoint: `unix:${socket}`, body: ONE_SPAN },
      { name: 'tls', endpoint: `localhost:${grpcTls}`, ca: CERTIFICATE, body: ONE_SPAN },
      { name: 'malformed', endpoint, body: NO_REQUEST },
      { name: 'method', endpoint, body: ONE_SPAN, method: UNKNOWN_METHOD },
      { name: 'large', endpoint, body: ONE_SPAN, metadata: [['x-a', 'b'.repeat(70_000)]] },
    ]),
  ]);
  assert.equal(told.get('unix')?.answer, '0a00');
  assert.equal(told.get('tls')?.answer, '0a00');
  assert.equal(told.get('malformed')?.code, 'INVALID_ARGUMENT');
  assert.match(told.get('malformed')?.details ?? '', /malformed traces request at byte/);
  assert.equal(told.get('method')?.code, 'UNIMPLEMENTED');
  assert.match(told.get('large')?.code ?? '', /^(?:UNAVAILABLE|RESOURCE_EXHAUSTED)$/);
  await daemon.until('both spans', () => lab.count('out.json') === 2);
  assert.equal(EXPORT, '/opentelemetry.proto.collector.trace.v1.TraceService/Export');
});

weirSendsTo({ name: 'grpcio', command, skip: ['zstd'] });
