/** curl sends OTLP/HTTP to weir in the ways that HTTP clients have. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Lab } from '../support/lab.ts';
import { CERTIFICATE, receiver } from './foreign.ts';

const run = promisify(execFile);
const SPANS = 3;
const PADDING = 2_000_000;

function body(name: string): Buffer {
  const spans = Array.from({ length: SPANS }, (_, i) => ({
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: `eee19b7ec3c1b17${i}`,
    name: `${name} ${i}`,
    attributes: [{ key: 'padding', value: { stringValue: name === 'large' ? 'x'.repeat(PADDING) : '' } }],
  }));
  return Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
}

interface Way {
  readonly name: string;
  readonly flags: readonly string[];
  readonly url: string;
  readonly packed?: boolean;
}

test('curl → weir: chunked, Expect, gzip, HTTP/1.0, HTTP/2 where it is spoken, TLS, IPv6, one connection', async () => {
  await using lab = new Lab();
  const { daemon, http, httpTls, http6 } = await receiver(lab);
  const plain = `http://127.0.0.1:${http}/v1/traces`;
  const ways: readonly Way[] = [
    { name: 'plain', flags: [], url: plain },
    { name: 'chunked', flags: ['-H', 'Transfer-Encoding: chunked'], url: plain },
    { name: 'expect', flags: ['-H', 'Expect: 100-continue'], url: plain },
    { name: 'large', flags: ['-H', 'Expect: 100-continue'], url: plain },
    { name: 'gzip', flags: ['-H', 'Content-Encoding: gzip'], url: plain, packed: true },
    {
      name: 'gzip chunked',
      flags: ['-H', 'Content-Encoding: gzip', '-H', 'Transfer-Encoding: chunked'],
      url: plain,
      packed: true,
    },
    { name: 'old', flags: ['--http1.0'], url: plain },
    // an upgrade in the clear may be passed over, ALPN may choose 1.1
    { name: 'two', flags: ['--http2'], url: plain },
    { name: 'two tls', flags: ['--http2', '--cacert', CERTIFICATE], url: `https://localhost:${httpTls}/v1/traces` },
    { name: 'tls', flags: ['--http1.1', '--cacert', CERTIFICATE], url: `https://localhost:${httpTls}/v1/traces` },
    { name: 'six', flags: [], url: `http://[::1]:${http6}/v1/traces` },
  ];
  for (const { name, flags, url, packed } of ways) {
    const json = body(name);
    const file = lab.path('body');
    writeFileSync(file, packed === true ? gzipSync(json) : json);
    const common = ['--silent', '--show-error', '--max-time', '20', '--write-out', '\n%{http_code}'];
    const type = ['-H', 'Content-Type: application/json'];
    const { stdout } = await run('curl', [...common, ...type, ...flags, '--data-binary', `@${file}`, url]);
    assert.equal(stdout, '{"partialSuccess":{}}\n200', name);
  }
  await daemon.until('all spans in the file', () => lab.count('out.json') >= ways.length * SPANS);
  assert.equal(lab.count('out.json'), ways.length * SPANS);
});

test('curl is told what is wrong', async () => {
  await using lab = new Lab();
  const { http } = await receiver(lab);
  const status = async (path: string, ...flags: string[]): Promise<string> => {
    const args = ['--silent', '--output', '/dev/null', '--max-time', '20', '--write-out', '%{http_code}', ...flags];
    return (await run('curl', [...args, `http://127.0.0.1:${http}${path}`])).stdout;
  };
  const json = ['-H', 'Content-Type: application/json'];
  assert.equal(await status('/v1/traces', ...json, '--data', '{"resourceSpans":5}'), '400');
  assert.equal(await status('/v1/traces', ...json, '-H', 'Content-Encoding: gzip', '--data', 'no gzip'), '400');
  assert.equal(await status('/v1/traces', '-H', 'Content-Type: text/plain', '--data', '{}'), '415');
  assert.equal(await status('/v1/traces'), '405');
  assert.equal(await status('/v1/nothing', ...json, '--data', '{}'), '404');
  assert.equal(await status('/v1/traces', ...json, '-H', 'Expect: a miracle', '--data', '{}'), '417');
  assert.equal(await status('/v1/traces', ...json, '-H', `X: ${'x'.repeat(100_000)}`, '--data', '{}'), '431');
});
