/**
 * What a gRPC request costs: our server and client against the same on node:http2 and on grpc-js, each in a process of
 * its own, in turns. The other end is ours every time. Run: `node test/bench/grpc.bench.ts`.
 */
import type { AddressInfo } from 'node:net';
import { GrpcClient } from '../../core/grpc/client.ts';
import { GrpcServer } from '../../core/grpc/server.ts';
import { Child } from './child.ts';
import { type ClientOrder, type Kind, PATH, sendAll } from './load/grpc-peers.ts';

const KINDS: readonly Kind[] = ['own', 'node:http2', 'grpc-js'];
/** Octets of a request with 1 span and with 100. */
const SIZES = [430, 43_000];
const REQUESTS = 5000;
const IN_FLIGHT = 16;
const ROUNDS = 3;
const PEERS = new URL('./load/grpc-peers.ts', import.meta.url);

/** Processor time in microseconds of one run. */
type Measure = (size: number) => Promise<number>;

async function server(kind: Kind): Promise<Measure> {
  const child = new Child(PEERS, ['server', kind]);
  const port = await child.next<number>();
  const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port } });
  ends.push(async () => {
    await client.close();
    await child.end();
  });
  return async (size) => {
    const before = await child.ask<number>('time');
    const send = (buffer: Buffer) => client.unary(PATH, [{ buffer, start: 0, end: size }], size);
    await sendAll(send, { requests: REQUESTS, inFlight: IN_FLIGHT, size });
    return (await child.ask<number>('time')) - before;
  };
}

async function client(kind: Kind): Promise<Measure> {
  const child = new Child(PEERS, ['client', kind]);
  ends.push(() => child.end());
  return (size) => {
    const order: ClientOrder = { port: sinkPort, requests: REQUESTS, inFlight: IN_FLIGHT, size };
    return child.ask<number>(order);
  };
}

const ends: (() => Promise<void>)[] = [];
const sink = new GrpcServer({
  endpoint: { host: '127.0.0.1', port: 0 },
  methods: new Map([
    [
      PATH,
      (call) => {
        call.message.slab?.release();
        call.reply(Buffer.alloc(0));
      },
    ],
  ]),
});
const sinkPort = ((await sink.listen()) as AddressInfo).port;

for (const [role, make] of Object.entries({ server, client })) {
  const measures = await Promise.all(KINDS.map(make));
  for (const size of SIZES) {
    // the best of some rounds: other work on the machine only adds; the first round compiles
    const best = KINDS.map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [i, measure] of measures.entries()) best[i] = Math.min(best[i]!, (await measure(size)) / REQUESTS);
    }
    for (const [i, kind] of KINDS.entries()) {
      const ratio = (best[i]! / best[0]!).toFixed(1);
      console.log(
        `${role} ${size} octets  ${kind.padEnd(10)} ${best[i]!.toFixed(1).padStart(6)} us CPU a request  x${ratio}`,
      );
    }
  }
}
for (const end of ends) await end();
await sink.close(0);
