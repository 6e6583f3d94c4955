import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { listen, splitHostPort } from './listen.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-listen-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

function start(endpoint: string, transport?: string): ReturnType<typeof listen> {
  const server = createServer();
  servers.push(server);
  return listen(server, transport === undefined ? { endpoint } : { endpoint, transport });
}

test('host and port', () => {
  assert.deepEqual(splitHostPort('localhost:4317', ''), { host: 'localhost', port: 4317 });
  assert.deepEqual(splitHostPort('[::1]:80', ''), { host: '::1', port: 80 });
  assert.deepEqual(splitHostPort(':80', ''), { host: '', port: 80 });
  const fault = (endpoint: string, message: string): void =>
    assert.throws(() => splitHostPort(endpoint, 'listen tcp'), { message: `listen tcp: address ${message}` });
  fault('host', 'host: missing port in address');
  fault('::1:80', '::1:80: too many colons in address');
  fault('host:http', 'host:http: invalid port');
  fault('host:65536', '65536: invalid port');
});

test('a host name, every interface, a socket in the file system', async () => {
  assert.equal((await start('localhost:0')).host, '127.0.0.1');
  assert.equal((await start(':0', 'tcp4')).host, '0.0.0.0');
  assert.ok((await start(':0')).port > 0);
  assert.deepEqual(await start(join(directory, 'a.sock'), 'unix'), { host: join(directory, 'a.sock'), port: 0 });
});

test('what cannot be listened on is told in the words of the collector', async () => {
  const { port } = await start('127.0.0.1:0');
  await assert.rejects(start(`127.0.0.1:${port}`), {
    message: `listen tcp 127.0.0.1:${port}: bind: address already in use`,
  });
  await assert.rejects(start('host.invalid:1'), { message: 'listen tcp: lookup host.invalid: no such host' });
  await assert.rejects(start('127.0.0.1:1', 'udp'), { message: 'listen udp 127.0.0.1:1: not supported for servers' });
});
