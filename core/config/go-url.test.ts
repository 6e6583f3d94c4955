import assert from 'node:assert/strict';
import { test } from 'node:test';
import { urlFault } from './go-url.ts';

/** Held against net/url of Go 1.26. */
const PARSED: readonly (readonly [string, string | undefined])[] = [
  ['http://localhost:4318', undefined],
  ['localhost:4318', undefined],
  ['localhost', undefined],
  ['/path', undefined],
  ['//host:1/path', undefined],
  ['', undefined],
  ['*', undefined],
  ['http://', undefined],
  ['http://x:99999', undefined],
  ['http://[::1]:4318', undefined],
  ['http://[fe80::1%25eth0]/', undefined],
  ['http://ü.example', undefined],
  ['http://user:p@ss@host', undefined],
  ['http://host/a b', undefined],
  ['http://a:1:2', 'invalid port ":1:2" after host'],
  ['foo://a:1:2', undefined],
  ['127.0.0.1:4318', 'first path segment in URL cannot contain colon'],
  ['[::1]:4318', 'first path segment in URL cannot contain colon'],
  [' host:1', 'first path segment in URL cannot contain colon'],
  [':4318', 'missing protocol scheme'],
  ['http://host:port', 'invalid port ":port" after host'],
  ['http://[::1', "missing ']' in host"],
  ['http://[::1]x', 'invalid port "x" after host'],
  ['http://[1.2.3.4]', 'invalid host: ParseAddr("1.2.3.4"): unable to parse IP'],
  ['http://a[b]', 'invalid IP-literal'],
  ['http://a b', 'invalid character in host name'],
  ['http://{host}:4318', 'invalid character in host name'],
  ['http://a%2f', 'invalid character in host name'],
  ['http://%zz', 'invalid URL escape "%zz"'],
  ['http://host/%', 'invalid URL escape "%"'],
  ['http://host/#%', 'invalid URL escape "%"'],
  ['http://a"b@host', 'net/url: invalid userinfo'],
  ['http://host/\n', 'net/url: invalid control character in URL'],
];

test('texts are URLs where Go takes them', () => {
  for (const [text, fault] of PARSED) assert.equal(urlFault(text), fault, text);
});

test('a request needs more', () => {
  assert.equal(urlFault('http://host/#%', { request: true }), 'invalid URL escape "%"');
  assert.equal(urlFault('localhost', { request: true }), 'invalid URI for request');
  assert.equal(urlFault(' http://host', { request: true }), 'invalid URI for request');
  assert.equal(urlFault('', { request: true }), 'empty url');
  assert.equal(urlFault('/path', { request: true }), undefined);
  assert.equal(urlFault('http://host', { request: true }), undefined);
});
