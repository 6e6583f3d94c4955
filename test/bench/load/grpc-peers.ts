/**
 * gRPC servers and clients to compare, each alone in a process. Started by `grpc.bench.ts` with a role and a kind; a
 * server tells its port first, and answers any message with its processor time; a client answers each `ClientOrder`.
 */
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { GrpcClient } from '../../../core/grpc/client.ts';
import { GrpcServer } from '../../../core/grpc/server.ts';
import type { UnaryCall } from '../../../core/grpc/types.ts';

export const PATH = '/weir.bench.Sink/Export';
export type Kind = 'own' | 'node:http2' | 'grpc-js';

export interface ClientOrder {
  readonly port: number;
  readonly requests: number;
  readonly inFlight: number;
  readonly size: number;
}

type Send = (message: Buffer) => Promise<unknown>;

const identity = (bytes: Buffer): Buffer => bytes;
const EMPTY = Buffer.alloc(0);
const EMPTY_MESSAGE = Buffer.alloc(5);

const SERVERS: Record<Kind, () => Promise<number>> = {
  async own() {
    const handler = (call: UnaryCall): void => {
      call.message.slab?.release();
      call.reply(EMPTY);
    };
    const server = new GrpcServer({ endpoint: { host: '127.0.0.1', port: 0 }, methods: new Map([[PATH, handler]]) });
    return ((await server.listen()) as AddressInfo).port;
  },
  'node:http2'() {
    const server = http2.createServer();
    server.on('stream', (stream) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        Buffer.concat(chunks);
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(EMPTY_MESSAGE);
      });
    });
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  },
  'grpc-js'() {
    const server = new grpc.Server();
    const method = { path: PATH, requestStream: false, responseStream: false };
    const codec = {
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    const handler: grpc.handleUnaryCall<Buffer, Buffer> = (_, answer) => answer(null, EMPTY);
    server.addService({ Export: { ...method, ...codec } }, { Export: handler });
    return new Promise((resolve) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_, port) => resolve(port));
    });
  },
};

const CLIENTS: Record<Kind, (port: number) => Send> = {
  own(port) {
    const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port } });
    return (buffer) => client.unary(PATH, [{ buffer, start: 0, end: buffer.length }], buffer.length);
  },
  'node:http2'(port) {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const head = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' };
    return (message) =>
      new Promise((resolve) => {
        const stream = session.request(head);
        const prefix = Buffer.alloc(5);
        prefix.writeUInt32BE(message.length, 1);
        stream.on('end', resolve).resume();
        stream.end(Buffer.concat([prefix, message]));
      });
  },
  'grpc-js'(port) {
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    return (message) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(PATH, identity, identity, message, (error, answer) =>
          error === null ? resolve(answer) : reject(error),
        );
      });
  },
};

/** Sends through one client; in the bench's own process too, as the load of the servers. */
export async function sendAll(send: Send, { requests, inFlight, size }: Omit<ClientOrder, 'port'>): Promise<void> {
  const message = Buffer.alloc(size, 'span');
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < requests) await send(message);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

const [role, kind] = process.argv.slice(2) as ['server' | 'client', Kind];
const send = new Map<number, Send>();

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function client(order: ClientOrder): Promise<number> {
  if (!send.has(order.port)) send.set(order.port, CLIENTS[kind](order.port));
  const before = processorTime();
  await sendAll(send.get(order.port)!, order);
  return processorTime() - before;
}

if (process.send !== undefined) {
  process.on('disconnect', () => process.exit());
  if (role === 'server') process.send(await SERVERS[kind]());
  process.on('message', async (order: ClientOrder) => {
    process.send!(role === 'server' ? processorTime() : await client(order));
  });
}
