import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { acceptShared, type ByteSink, connectShared } from './shared-read.ts';

/** Collects what it receives and resolves at `length` bytes. */
function collector(length: number): { sink: ByteSink; done: Promise<Buffer> } {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  let all = Buffer.alloc(0);
  const sink = {
    receive(bytes: Buffer, n: number): void {
      all = Buffer.concat([all, bytes.subarray(0, n)]);
      if (all.length >= length) resolve(all);
    },
  };
  return { sink, done: promise };
}

test('both ends read through the shared buffer, pause, end and leave nothing open', async () => {
  const payload = Buffer.alloc(3_000_000, 'weir');
  const atServer = collector(payload.length);
  const atClient = collector(payload.length);
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
    const socket = acceptShared(accepted, atServer.sink);
    assert.notEqual(socket, accepted);
    assert.equal(socket.remoteAddress, '127.0.0.1');
    socket.pause();
    setImmediate(() => socket.resume());
    socket.write(payload);
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const client = connectShared({ host: '127.0.0.1', port }, undefined, atClient.sink);
  client.write(payload);
  assert.deepEqual(await atServer.done, payload);
  assert.deepEqual(await atClient.done, payload);
  client.end();
  await once(client, 'close');
  server.close();
  await once(server, 'close');
});

test('a socket without the private handle reads into buffers of its own', async () => {
  const atServer = collector(5);
  const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
    Object.assign((accepted as unknown as { _handle: object })._handle, { useUserBuffer: undefined });
    assert.equal(acceptShared(accepted, atServer.sink), accepted);
    accepted.on('end', () => accepted.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  client.end('hello');
  assert.equal((await atServer.done).toString(), 'hello');
  await once(client.resume(), 'close');
  server.close();
  await once(server, 'close');
});
