/**
 * The HTTP/1.1 server of the OTLP receiver against node:http: processor time of the server for a request, loaded by
 * another process over kept connections. Run: `node test/bench/http.bench.ts`.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../core/clock.ts';
import { HttpResponse } from '../../core/http/response.ts';
import { HttpServer } from '../../core/http/server.ts';
import { Child } from './child.ts';
import type { Order, Sent } from './load/send.ts';

const REQUESTS = 6000;
const CONNECTIONS = 8;
const ROUNDS = 3;
const SPANS_PER_REQUEST = [1, 100];

interface Server {
  readonly port: number;
  close(): unknown;
}

async function ours(): Promise<Server> {
  const answer = new HttpResponse(200, [['Content-Type', 'application/x-protobuf']], Buffer.from([0x0a, 0x00]));
  const server = new HttpServer({
    address: { endpoint: '127.0.0.1:0' },
    handler(request) {
      request.body.slab?.release();
      request.respond(answer);
    },
    maxBodyBytes: 20 << 20,
    timeouts: { readHeaderMs: 0, readMs: 0, writeMs: 0, idleMs: 0 },
    keepAlive: true,
    clock: systemClock,
  });
  const { port } = await server.listen();
  return { port, close: () => server.close(0) };
}

async function peer(): Promise<Server> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      Buffer.concat(chunks);
      response.writeHead(200, { 'Content-Type': 'application/x-protobuf', 'Content-Length': 2 });
      response.end(Buffer.from([0x0a, 0x00]));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

const load = new Child(new URL('./load/send.ts', import.meta.url));

/** Processor microseconds of this process, the server, for a request. */
async function measure(start: () => Promise<Server>, spansPerRequest: number): Promise<number> {
  const server = await start();
  const order = {
    protocol: 'http',
    port: server.port,
    requests: REQUESTS,
    spansPerRequest,
    first: 0,
    connections: 1,
    inFlightPerConnection: CONNECTIONS,
  } satisfies Order;
  const before = process.cpuUsage();
  await load.ask<Sent>(order);
  const { user, system } = process.cpuUsage(before);
  await server.close();
  return (user + system) / REQUESTS;
}

for (const spans of SPANS_PER_REQUEST) {
  let mine = Number.POSITIVE_INFINITY;
  let theirs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    mine = Math.min(mine, await measure(ours, spans));
    theirs = Math.min(theirs, await measure(peer, spans));
  }
  const ratio = (theirs / mine).toFixed(1);
  console.log(
    `${spans} spans a request: ${mine.toFixed(0)} µs; node:http ${theirs.toFixed(0)} µs, ${ratio} times ours`,
  );
}
await load.end();
