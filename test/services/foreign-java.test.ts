/** Java: the OpenTelemetry SDK on okhttp and on grpc-netty sends to weir, and weir sends to a server on grpc-netty. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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

const SPANS = '20';
/** The two that the SDK can send gRPC with. */
const SENDERS = {
  okhttp: 'io.opentelemetry.exporter.sender.okhttp.internal.OkHttpGrpcSenderProvider',
  'grpc-netty': 'io.opentelemetry.exporter.sender.grpc.managedchannel.internal.UpstreamGrpcSenderProvider',
} as const;
const java = async (...flags: readonly string[]) => [
  'java',
  ...flags,
  '-XX:TieredStopAtLevel=1',
  '-cp',
  await installed('foreign-java.sh'),
  'Foreign',
];

for (const [sender, provider] of Object.entries(SENDERS)) {
  test(`Java SDK → weir with ${sender}: gRPC and HTTP, gzip and none, TLS, IPv6`, async () => {
    await using lab = new Lab();
    const { daemon, grpc, http, grpcTls, httpTls, grpc6, http6 } = await receiver(lab);
    const overHttp = [
      ['http', 'http', `http://127.0.0.1:${http}`, 'none', '-'],
      ['http gzip', 'http', `http://127.0.0.1:${http}`, 'gzip', '-'],
      ['http tls', 'http', `https://localhost:${httpTls}`, 'none', CERTIFICATE],
      ['http six', 'http', `http://[::1]:${http6}`, 'gzip', '-'],
    ];
    const overTls = ['grpc tls', 'grpc', `https://localhost:${grpcTls}`, 'none', CERTIFICATE];
    const cases = [
      ['grpc', 'grpc', `http://127.0.0.1:${grpc}`, 'none', '-'],
      ['grpc gzip', 'grpc', `http://127.0.0.1:${grpc}`, 'gzip', '-'],
      ['grpc six', 'grpc', `http://[::1]:${grpc6}`, 'gzip', '-'],
      // the other sender takes no certificates for the netty of this class path; the test below does it by hand
      ...(sender === 'okhttp' ? [overTls, ...overHttp] : []),
    ].map((one) => [...one, SPANS]);
    const choice = `-Dio.opentelemetry.sdk.common.export.GrpcSenderProvider=${provider}`;
    const told = await lines([...(await java(choice)), 'send', ...cases.flat()]);
    assert.equal(told.size, cases.length);
    await arrived(lab, daemon, told);
  });
}

test('grpc-netty → weir: a Unix socket, TLS, and the status of what is refused', async () => {
  await using lab = new Lab();
  const { daemon, grpc, grpcTls, socket } = await receiver(lab);
  const method = EXPORT.slice(1);
  const target = `127.0.0.1:${grpc}`;
  const told = await lines([
    ...(await java()),
    'send',
    ...['unix', 'raw', `unix:${socket}`, method, ONE_SPAN, '-'],
    ...['tls', 'raw', `localhost:${grpcTls}`, method, ONE_SPAN, CERTIFICATE],
    ...['malformed', 'raw', target, method, NO_REQUEST, '-'],
    ...['method', 'raw', target, UNKNOWN_METHOD.slice(1), ONE_SPAN, '-'],
  ]);
  assert.equal(told.get('unix')?.answer, '0a00');
  assert.equal(told.get('tls')?.answer, '0a00');
  assert.equal(told.get('malformed')?.code, 'INVALID_ARGUMENT');
  assert.equal(told.get('method')?.code, 'UNIMPLEMENTED');
  await daemon.until('both spans', () => lab.count('out.json') === 2);
});

weirSendsTo({ name: 'grpc-netty', command: () => java(), skip: ['zstd'] });
