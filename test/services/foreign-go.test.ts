/** grpc-go beside the collector, which has tests of its own: ghz sends to weir over one connection and over several. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lab } from '../support/lab.ts';
import { CERTIFICATE, EXPORT, installed, json, ONE_SPAN, receiver } from './foreign.ts';

/** Without the message types, of which ghz has no need: the request is bytes of its own. */
const PROTO = `syntax = "proto3";
package opentelemetry.proto.collector.trace.v1;
message Request { repeated bytes resource_spans = 1; }
message Response { bytes partial_success = 1; }
service TraceService { rpc Export(Request) returns (Response) {} }
`;
const CALLS = 2000;
const GROUP = Buffer.from(ONE_SPAN, 'hex').subarray(2).toString('base64');

interface Result {
  readonly count: number;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
}

test('ghz → weir: in the clear, TLS, IPv6, a Unix socket, gzip, several connections', async () => {
  await using lab = new Lab();
  const { daemon, grpc, grpcTls, grpc6, socket } = await receiver(lab);
  const ghz = await installed('ghz.sh');
  const call = ['--proto', lab.write('trace.proto', PROTO), '--call', EXPORT.slice(1).replace('/', '.')];
  const data = ['--data', JSON.stringify({ resource_spans: [GROUP] })];
  const load = ['--total', String(CALLS), '--concurrency', '20', '--format', 'json', '--timeout', '20s'];
  const ways = [
    ['--insecure', `127.0.0.1:${grpc}`],
    ['--insecure', '--connections', '5', `127.0.0.1:${grpc}`],
    ['--insecure', '--enable-compression', `[::1]:${grpc6}`],
    ['--cacert', CERTIFICATE, `localhost:${grpcTls}`],
    ['--insecure', `unix:${socket}`],
  ];
  for (const way of ways) {
    const { count, statusCodeDistribution } = (await json([ghz, ...call, ...data, ...load, ...way])) as Result;
    assert.deepEqual(
      { count, statusCodeDistribution },
      { count: CALLS, statusCodeDistribution: { OK: CALLS } },
      `${way}`,
    );
  }
  await daemon.until('all spans in the file', () => lab.count('out.json') >= ways.length * CALLS);
  assert.equal(lab.count('out.json'), ways.length * CALLS);
});
