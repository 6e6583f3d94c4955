import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { httpClient } from '../config/sections/http-client.ts';
import { configOf } from '../testing/discovery.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { NopHost } from '../testing/nop-host.ts';
import { testSettings } from '../testing/settings.ts';
import { HttpClient } from './client.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../test/support/tls/${name}`, import.meta.url));

/** A server that answers when it is told to, and its connections. */
async function serve(t: TestContext) {
  const waiting: ServerResponse[] = [];
  const sockets: Socket[] = [];
  const options = { cert: readFileSync(file('server.crt')), key: readFileSync(file('server.key')) };
  const server = createServer(options, (_request, response) => void waiting.push(response));
  server.keepAliveTimeout = 0;
  server.on('secureConnection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, waiting, sockets, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

test('a connection with old certificates ends with its request', async (t) => {
  const { server, waiting, sockets, url } = await serve(t);
  const path = join(mkdtempSync(join(tmpdir(), 'weir-ca-')), 'ca.crt');
  copyFileSync(file('server.crt'), path);
  const clock = new FakeClock();
  const yaml = `{idle_conn_timeout: 0s, tls: {ca_file: ${path}, reload_interval: 1m}}`;
  const client = new HttpClient(configOf(httpClient, yaml), testSettings({ clock }));
  client.start(new NopHost());
  t.after(() => client.close());
  const post = async () => {
    const answer = client.post(url, {}, [Buffer.from('x')]);
    if (waiting.length === 0) await once(server, 'request');
    return { answer };
  };
  const old = await post();
  appendFileSync(path, readFileSync(path));
  clock.advance(60_000);
  waiting.pop()?.end();
  const [first] = sockets;
  const closed = once(first as Socket, 'close');
  assert.equal((await old.answer).status, 200);
  await closed;
  for (let i = 0; i < 2; i++) {
    const { answer } = await post();
    waiting.pop()?.end();
    assert.equal((await answer).status, 200);
  }
  assert.equal(sockets.length, 2);
});
