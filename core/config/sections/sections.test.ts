import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Findings, readSection } from '../decoder.ts';
import type { Struct } from '../fields.ts';
import { readYaml } from '../read.ts';
import { parseYaml } from '../yaml.ts';
import { grpcClient } from './grpc-client.ts';
import { grpcServer } from './grpc-server.ts';
import { httpClient } from './http-client.ts';
import { httpServer } from './http-server.ts';
import { queue, sendingQueue } from './queue.ts';
import { retry } from './retry.ts';
import { timeout } from './timeout.ts';
import { tlsClient } from './tls.ts';

function faults(section: Struct<unknown>, yaml: string): readonly string[] {
  const parsed = parseYaml(yaml, 'c.yaml');
  assert.ok('node' in parsed);
  const findings: Findings = { faults: [], warnings: [], strict: true };
  readSection(section, parsed.node, '', findings);
  return findings.faults.map((f) => (f.section === '' ? f.message : `${f.section}: ${f.message}`));
}

const CASES: readonly (readonly [section: Struct<unknown>, yaml: string, fault: string | undefined])[] = [
  [timeout, '', undefined],
  [timeout, 'timeout: 0', undefined],
  [timeout, 'timeout: -1s', "'timeout' must be non-negative"],
  [retry, 'initial_interval: -1s', "'initial_interval' must be non-negative"],
  [retry, 'enabled: false\ninitial_interval: -1s', undefined],
  [retry, 'randomization_factor: 1.1', "'randomization_factor' must be within [0, 1]"],
  [retry, 'randomization_factor: .nan', undefined],
  [retry, 'multiplier: 0.5', undefined],
  [retry, 'max_elapsed_time: 0', undefined],
  [retry, 'max_elapsed_time: 10s', "'max_elapsed_time' must not be less than 'max_interval'"],
  [queue, 'num_consumers: 0', '`num_consumers` must be positive'],
  [queue, 'queue_size: 0', '`queue_size` must be positive'],
  [queue, 'sizer: foo', `'sizer' invalid sizer: "foo"`],
  [
    queue,
    'storage: x\nwait_for_result: true',
    '`wait_for_result` is not supported with a persistent queue configured with `storage`',
  ],
  [queue, 'batch:', undefined],
  [queue, 'batch: {min_size: 10, max_size: 5}', 'batch: `max_size` (5) must be greater or equal to `min_size` (10)'],
  [queue, 'batch: {flush_timeout: 0}', 'batch: `flush_timeout` must be positive'],
  [queue, 'batch: {enabled: false, flush_timeout: 0}', undefined],
  [
    queue,
    'sizer: requests\nqueue_size: 9000\nbatch: {}',
    'batch: `batch` supports only `items` or `bytes` sizer, found "requests"',
  ],
  [queue, 'sizer: items\nbatch: {}', '`min_size` must be less than or equal to `queue_size`'],
  [queue, 'sizer: items\nqueue_size: 10000\nbatch: {}', undefined],
  [
    queue,
    'batch: {partition: {metadata_keys: [a, A]}}',
    'batch::partition: duplicate entry in metadata_keys: "a" (case-insensitive)',
  ],
  [tlsClient, 'ca_file: a\nca_pem: b', 'config: provide either a CA file or the PEM-encoded string, but not both'],
  [
    tlsClient,
    'cert_file: a',
    'config: TLS configuration must include both certificate and key (CertFile/CertPem and KeyFile/KeyPem)',
  ],
  [tlsClient, 'min_version: "1.5"', 'config: invalid TLS min_version: unsupported TLS version: "1.5"'],
  [
    tlsClient,
    'min_version: "1.3"\nmax_version: "1.2"',
    'config: invalid TLS configuration: min_version cannot be greater than max_version',
  ],
  [grpcClient, 'balancer_name: foo', 'invalid balancer_name: foo'],
  [grpcClient, 'compression: foo', `'compression' unsupported compression type "foo"`],
  [grpcClient, 'headers: {a: b}\nauth: {authenticator: x}\nkeepalive: {}', undefined],
  [grpcServer, 'transport:', 'addrconfig: invalid transport type ""'],
  [grpcServer, 'transport: foo', `'transport' invalid transport type "foo"`],
  [
    grpcServer,
    'max_recv_msg_size_mib: -1',
    'invalid max_recv_msg_size_mib value, must be between 0 and 8796093022208: -1',
  ],
  [grpcServer, 'tls:', undefined],
  [grpcServer, 'tls: {}', 'tls: TLS configuration must include both certificate and key for server connections'],
  [grpcServer, 'tls: {cert_file: a, key_file: b, client_ca_file: c}', undefined],
  [httpServer, 'cors: {allowed_origins: "a,b"}\nresponse_headers: [{name: a, value: b}]', undefined],
  [
    httpServer,
    'max_request_body_size: 20MiB',
    "'max_request_body_size' expected type 'int64', got unconvertible type 'string'",
  ],
  [httpClient, 'compression: gzip\ncompression_params: {level: 9}', undefined],
  [
    httpClient,
    'compression: gzip\ncompression_params: {level: 10}',
    'unsupported parameters {Level:10} for compression type "gzip"',
  ],
  [
    httpClient,
    'compression: snappy\ncompression_params: {level: 1}',
    'unsupported parameters {Level:1} for compression type "snappy"',
  ],
  [httpClient, 'cookies: {enabled: true}', undefined],
];

test('shared sections are judged as in the collector', () => {
  for (const [section, yaml, fault] of CASES) {
    assert.deepEqual(faults(section, yaml), fault === undefined ? [] : [fault], `${section.typeName}: ${yaml}`);
  }
});

const ENDPOINTS: readonly (readonly [endpoint: string, fault: string | undefined])[] = [
  ['', undefined],
  ['localhost:4317', undefined],
  [':4317', undefined],
  ['[::1]:4317', undefined],
  ['https://a:1', undefined],
  ['dns:///a:1', undefined],
  ['dns://8.8.8.8/a:1', undefined],
  ['passthrough:///a:1', undefined],
  ['unix:///tmp/x', undefined],
  ['unix://', 'unix socket path cannot be empty'],
  ['localhost', 'address localhost: missing port in address'],
  ['http://localhost', 'address localhost: missing port in address'],
  ['http://a:1/x', 'invalid port "1/x"'],
  ['localhost:x', 'invalid port "x"'],
  ['a:1:2', 'address a:1:2: too many colons in address'],
  ['::1:4317', 'address ::1:4317: too many colons in address'],
  ['[::1]', 'address [::1]: missing port in address'],
  ['[::1', "address [::1: missing ']' in address"],
  ['a]:1', "address a]:1: unexpected ']' in address"],
  ['a[b:1', "address a[b:1: unexpected '[' in address"],
  ['xds:///a', 'address a: missing port in address'],
];

test('a largest message in bytes is rounded up to MiB', () => {
  const largest = (yaml: string) => readYaml(grpcServer, yaml).max_recv_msg_size_mib;
  assert.equal(largest('max_recv_msg_size: 4194304'), 4);
  assert.equal(largest('max_recv_msg_size: 4194305'), 5);
  assert.equal(largest('max_recv_msg_size: 4194304\nmax_recv_msg_size_mib: 7'), 7);
  assert.throws(() => largest('max_recv_msg_size: many'), /max_recv_msg_size_mib/);
  assert.throws(
    () => readYaml(grpcServer, 'max_recv_msg_size: 1', { strict: true }),
    /invalid keys: max_recv_msg_size/,
  );
});

test('endpoints of gRPC clients need a port', () => {
  for (const [endpoint, fault] of ENDPOINTS) {
    assert.deepEqual(faults(grpcClient, `endpoint: ${JSON.stringify(endpoint)}`), fault === undefined ? [] : [fault]);
  }
});

test('the defaults are those of the collector', () => {
  assert.deepEqual(retry.toPlain(retry.absent(), false), {
    enabled: true,
    initial_interval: '5s',
    randomization_factor: 0.5,
    multiplier: 1.5,
    max_interval: '30s',
    max_elapsed_time: '5m0s',
  });
  const waiting = sendingQueue().absent();
  assert.deepEqual(
    [waiting?.num_consumers, waiting?.queue_size, waiting?.sizer, waiting?.batch],
    [10, 1000, 'requests', undefined],
  );
  const server = httpServer.absent();
  assert.deepEqual([server.read_header_timeout, server.write_timeout, server.idle_timeout], [60_000, 30_000, 60_000]);
  assert.deepEqual([grpcClient.absent().balancer_name, httpClient.absent().idle_conn_timeout], ['round_robin', 90_000]);
});
