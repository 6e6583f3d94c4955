import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestHead, type RequestHead } from './request-head.ts';

const HOST = 'Host: x\r\n';

function accepted(text: string): RequestHead {
  const head = parseRequestHead(text);
  assert.ok(!('fault' in head), JSON.stringify(text));
  return head;
}

test('a usual request', () => {
  const head = accepted(
    'POST /v1/traces?a=b&c HTTP/1.1\r\nHost: h:4318\r\nContent-Type:application/json\r\n' +
      'X-A: \t one two \t\r\ncontent-length: 17',
  );
  assert.equal(head.method, 'POST');
  assert.equal(head.path, '/v1/traces');
  assert.equal(head.query, 'a=b&c');
  assert.deepEqual(head.names, ['host', 'content-type', 'x-a', 'content-length']);
  assert.deepEqual(head.values, ['h:4318', 'application/json', 'one two', '17']);
  assert.equal(head.contentLength, 17);
  assert.equal(head.keepAlive, true);
  assert.equal(head.expectContinue, false);
});

test('what decides about the body and the connection', () => {
  const read = (headers: string, version = '1.1') => accepted(`POST / HTTP/${version}\r\n${HOST}${headers}x: y`);
  assert.equal(read('').contentLength, 0);
  assert.equal(read('Transfer-Encoding: Chunked\r\n').contentLength, -1);
  assert.equal(read('Connection: Close\r\n').keepAlive, false);
  assert.equal(read('Connection: x\r\nConnection: y , close\r\n').keepAlive, false);
  assert.equal(read('Connection: closed\r\n').keepAlive, true);
  assert.equal(read('', '1.0').keepAlive, false);
  assert.equal(read('Connection: keep-alive\r\n', '1.0').keepAlive, true);
  assert.equal(read('Expect: 100-Continue\r\n').expectContinue, true);
  assert.equal(read('Expect: 100-continue\r\n', '1.0').expectContinue, false);
});

test('forms of the target', () => {
  const target = (text: string, method = 'GET') => {
    const head = accepted(`${method} ${text} HTTP/1.1\r\nHost: x`);
    return `${head.path}|${head.query}`;
  };
  assert.equal(target('/'), '/|');
  assert.equal(target('/a%20b?c?d'), '/a%20b|c?d');
  assert.equal(target('http://proxy.test:80/v1/logs?x'), '/v1/logs|x');
  assert.equal(target('http://proxy.test'), '/|');
  assert.equal(target('http://proxy.test?x'), '/|x');
  assert.equal(target('*', 'OPTIONS'), '*|');
  assert.equal(accepted('GET / HTTP/1.0').path, '/');
});

test('heads that are refused', () => {
  const post = (headers: string) => `POST / HTTP/1.1\r\n${HOST}${headers}`;
  const refused: readonly (readonly [string, number])[] = [
    ['', 400],
    ['GET', 400],
    ['GET /', 400],
    ['GET / ', 400],
    ['GET / HTTP/1.1', 400],
    [' GET / HTTP/1.1\r\nHost: x', 400],
    ['GET  / HTTP/1.1\r\nHost: x', 400],
    ['G{T / HTTP/1.1\r\nHost: x', 400],
    ['GET /a b HTTP/1.1\r\nHost: x', 400],
    ['GET /\tb HTTP/1.1\r\nHost: x', 400],
    ['GET * HTTP/1.1\r\nHost: x', 400],
    ['CONNECT host:443 HTTP/1.1\r\nHost: x', 400],
    ['GET / http/1.1\r\nHost: x', 400],
    ['GET / HTTP/1.1x\r\nHost: x', 400],
    ['GET / HTTP/2.0\r\nHost: x', 505],
    ['PRI * HTTP/2.0', 505],
    ['GET / HTTP/1.1\r\nHost: x\r\nHost: y', 400],
    [post('no colon'), 400],
    [post(': empty name'), 400],
    [post('spaced : v'), 400],
    [post(' folded: v'), 400],
    [post('a: b\r\n folded'), 400],
    [post('a: b\r\n\tfolded'), 400],
    [post('a: b\nc: d'), 400],
    [post('a: b\rc: d'), 400],
    [post('a: b\0'), 400],
    [post('a\x80: b'), 400],
    [post('Content-Length: 1\r\nContent-Length: 1'), 400],
    [post('Content-Length: 1, 1'), 400],
    [post('Content-Length: +1'), 400],
    [post('Content-Length: -1'), 400],
    [post('Content-Length: 0x10'), 400],
    [post('Content-Length: 1e3'), 400],
    [post('Content-Length:'), 400],
    [post('Content-Length: 99999999999999999999'), 400],
    [post('Content-Length: 1\r\nTransfer-Encoding: chunked'), 400],
    [post('Transfer-Encoding: chunked\r\nContent-Length: 1'), 400],
    [post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'), 400],
    [post('Transfer-Encoding: gzip, chunked'), 501],
    [post('Transfer-Encoding: xchunked'), 501],
    [post('Transfer-Encoding: identity'), 501],
    ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked', 400],
    [post('Expect: the unexpected'), 417],
  ];
  for (const [text, fault] of refused) assert.deepEqual(parseRequestHead(text), { fault }, JSON.stringify(text));
});
