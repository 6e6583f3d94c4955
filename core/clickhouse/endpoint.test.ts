import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../config/secret.ts';
import { parseEndpoint } from './endpoint.ts';

const base = {
  username: '',
  password: undefined,
  database: 'default',
  connection_params: {},
  compress: '',
  async_insert: true,
};
const urls = (endpoint: string, more = {}) =>
  parseEndpoint({ ...base, endpoint, ...more }).urls.map(({ href }) => href);

test('hosts, ports and paths', () => {
  assert.deepEqual(urls('http://a'), ['http://a:8123/']);
  assert.deepEqual(urls('https://a'), ['https://a:8443/']);
  assert.deepEqual(urls('http://a:80'), ['http://a/']);
  assert.deepEqual(urls('http://[::1]:8123/otel'), ['http://[::1]:8123/']);
  assert.deepEqual(urls('http://a:1,b:2'), ['http://a:1/', 'http://b:2/']);
  assert.deepEqual(urls('http://a?http_path=ch'), ['http://a:8123/ch']);
});

test('the standard ports of the native protocol become those of HTTP, others are refused', () => {
  assert.deepEqual(urls('tcp://127.0.0.1:9000?dial_timeout=10s'), ['http://127.0.0.1:8123/']);
  assert.deepEqual(urls('clickhouse://a:9440,b:9440?secure=true'), ['https://a:8443/', 'https://b:8443/']);
  assert.deepEqual(urls('clickhouse://a'), ['http://a:8123/']);
  assert.throws(() => urls('tcp://a:9100'), /native protocol.*http:\/\/a:8123/);
});

test('who, where and with what', () => {
  const server = parseEndpoint({
    ...base,
    endpoint: 'clickhouse://u:p%40@h:9000/otel?max_execution_time=3&compress=lz4&wait_for_async_insert=0',
    connection_params: { max_execution_time: '9', connection_open_strategy: 'round_robin', read_timeout: '1s' },
  });
  const { username, password, database, compress, settings, strategy } = server;
  assert.deepEqual([username, password, database, compress, strategy], ['u', 'p@', 'otel', 'lz4', 'round_robin']);
  assert.deepEqual(server.ignored, ['read_timeout']);
  assert.deepEqual(settings, { max_execution_time: '9', wait_for_async_insert: '0' });
  const keys = { username: 'me', password: new Secret('mine'), database: 'mine', compress: 'none' };
  const own = parseEndpoint({ ...base, endpoint: 'http://u:p@h/otel', ...keys });
  assert.deepEqual([own.username, own.password, own.database, own.compress], ['me', 'mine', 'mine', 'none']);
});

test('what is no endpoint', () => {
  for (const endpoint of ['ftp://x', 'a:9000', 'http://', 'http://a:x']) {
    assert.throws(() => urls(endpoint), /endpoint must be url format/, endpoint);
  }
  assert.throws(() => urls('http://a', { compress: 'snappy' }), /compress "snappy" is none of/);
});
