import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { readYaml } from '../config/read.ts';
import { TEST_BUILD } from '../testing/settings.ts';
import type { ClickHouse } from './client.ts';
import { connection } from './config.ts';
import type { ClickHouseError } from './error.ts';
import { openClickHouse } from './open.ts';

type Answer = (response: ServerResponse, request: { readonly url: URL; readonly body: Buffer }) => void;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server that answers as the test says, and a client of it. */
async function peer(
  answer: Answer,
  yaml = '',
): Promise<{ client: ClickHouse; requests: IncomingMessage[]; port: number }> {
  const requests: IncomingMessage[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push(request);
    answer(response, { url: new URL(request.url ?? '', 'http://x'), body: Buffer.concat(chunks) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const config = readYaml(connection, `endpoint: http://127.0.0.1:${port}\n${yaml}\n`);
  const client = openClickHouse(config, { random: () => 0, build: TEST_BUILD });
  cleanups.push(() => {
    server.closeAllConnections();
    return Promise.all([client.close(), new Promise((resolve) => server.close(resolve))]);
  });
  return { client, requests, port };
}

const INSERT = { database: 'd', table: 't`x', columns: ['a', 'b.c'], format: 'Native', rows: 1 };

async function failure(work: Promise<unknown>): Promise<ClickHouseError> {
  return work.then(
    () => assert.fail('it succeeded'),
    (error) => error as ClickHouseError,
  );
}

test('an insert has its statement, settings and token in the URL and its rows in the body', async () => {
  let seen: { url: URL; body: Buffer } | undefined;
  const { client, requests } = await peer((response, request) => {
    seen = request;
    response.end();
  }, 'username: u\npassword: p\nconnection_params: {max_insert_threads: "4", async_insert: "1"}');
  const body = [Buffer.from('ro'), Buffer.from('ws')];
  await client.insert({ ...INSERT, body, token: 'abc', settings: { async_insert: '0' } });
  const params = Object.fromEntries(seen?.url.searchParams ?? []);
  assert.equal(params.query, 'INSERT INTO `d`.`t\\`x` (`a`, `b.c`) FORMAT Native');
  assert.deepEqual([params.insert_deduplication_token, params.max_insert_threads], ['abc', '4']);
  assert.equal(params.async_insert, '1', 'the configuration of the connection has the last word');
  assert.equal(zstdDecompressSync(seen?.body ?? Buffer.alloc(0)).toString(), 'rows');
  const headers = requests[0]?.headers ?? {};
  assert.deepEqual([headers['x-clickhouse-user'], headers['x-clickhouse-key']], ['u', 'p']);
  assert.deepEqual([headers['content-encoding'], headers['user-agent']], ['zstd', 'weir/0.0.0-test']);
});

test('a query only reads, whatever the connection says', async () => {
  let url: URL | undefined;
  const { client } = await peer((response, request) => {
    url = request.url;
    response.end();
  }, 'connection_params: {readonly: "0", max_threads: "1"}');
  for await (const _ of client.query({ sql: 'SELECT 1', format: 'CSV', params: { x: '1' } }));
  const given = ['readonly', 'max_threads', 'default_format', 'param_x'].map((name) => url?.searchParams.get(name));
  assert.deepEqual(given, ['1', '1', 'CSV', '1']);
});

test('the code of an error decides', async () => {
  const cases: [status: number, code: string, text: string, permanent: boolean][] = [
    [500, '241', 'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)', false],
    [500, '164', 'Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)', false],
    [500, '252', 'Code: 252. DB::Exception: Too many parts (3000). (TOO_MANY_PARTS)', false],
    [500, '252', 'Code: 252. DB::Exception: Too many partitions for single INSERT block. (TOO_MANY_PARTS)', true],
    [404, '60', 'Code: 60. DB::Exception: Table d.t does not exist. (UNKNOWN_TABLE)', false],
    [400, '', 'Code: 117. DB::Exception: Incorrect data. (INCORRECT_DATA)', true],
    [413, '', 'too large', true],
    [502, '', '', false],
  ];
  for (const [status, code, text, permanent] of cases) {
    const { client } = await peer((response) => {
      response.writeHead(status, code === '' ? {} : { 'x-clickhouse-exception-code': code }).end(text);
    });
    const error = await failure(client.insert({ ...INSERT, body: [Buffer.from('x')] }));
    assert.equal(error.permanent, permanent, text);
    assert.equal(error.message, text || `HTTP status ${status}`);
    assert.equal(error.number, Number(/\d+/.exec(text.startsWith('Code') ? text : '0')?.[0]));
  }
});

test('an error in the middle of an answer is an error, wherever the chunks end', async () => {
  const marker = '__exception__\r\nabcdefghijklmnop\r\n';
  const message = 'Code: 241. DB::Exception: Memory limit exceeded';
  const whole = `one\ntwo\n\r\n${marker}${message}\n${message.length} abcdefghijklmnop\r\n__exception__\r\n`;
  for (let cut = 1; cut < whole.length; cut += 3) {
    const { client } = await peer((response) => {
      response.writeHead(200, { 'x-clickhouse-exception-tag': 'abcdefghijklmnop' });
      response.write(whole.slice(0, cut), () => setImmediate(() => response.end(whole.slice(cut))));
    });
    const read = async () => {
      for await (const _ of client.query({ sql: 'SELECT 1', format: 'TSV' }));
    };
    const error = await failure(read());
    assert.deepEqual([error.message, error.number], [message, 241], `cut at ${cut}`);
    for (const cleanup of cleanups.splice(0)) await cleanup();
  }
});

test('an answer that ends too soon is an error, one without an error is as it was', async () => {
  const { client } = await peer((response, { url }) => {
    response.writeHead(200, { 'x-clickhouse-exception-tag': 't' });
    response.write('some rows, __exception__\r\nthat are ');
    if (url.searchParams.get('param_cut') === 'a\\tb') response.destroy();
    else response.end('fine');
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.query({ sql: 'SELECT 1', format: 'TSV' })) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), 'some rows, __exception__\r\nthat are fine');
  const read = async () => {
    for await (const _ of client.query({ sql: 'SELECT 1', format: 'TSV', params: { cut: 'a\tb' } }));
  };
  const error = await failure(read());
  assert.ok(!error.permanent);
});

test('where a host cannot be reached the next attempt goes to the next', async () => {
  const { client: first, port } = await peer((response) => response.end());
  await first.close();
  const yaml = `endpoint: http://127.0.0.1:1,127.0.0.1:${port}\n`;
  const client = openClickHouse(readYaml(connection, yaml), { random: () => 0, build: TEST_BUILD });
  cleanups.push(() => client.close());
  const error = await failure(client.command('SELECT 1'));
  assert.match(error.message, /^http:\/\/127\.0\.0\.1:1: dial tcp 127\.0\.0\.1:1: connect: connection refused$/);
  assert.deepEqual([error.permanent, error.number], [false, 0]);
  await client.command('SELECT 1');
});
