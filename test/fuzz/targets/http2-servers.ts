import type { Socket } from 'node:net';
import { ServerConnection } from '../../../core/grpc/server-connection.ts';
import { ServerSettings } from '../../../core/grpc/server-settings.ts';
import type { UnaryCall } from '../../../core/grpc/types.ts';
import { Http2Connection, http2Settings } from '../../../core/http/http2-connection.ts';
import { HttpResponse } from '../../../core/http/response.ts';
import type { HttpRequest } from '../../../core/http/types.ts';
import { ReceiveMemory } from '../../../core/net/receive-memory.ts';
import { StatusCode } from '../../../core/status-code.ts';
import type { ByteRange } from '../../../core/telemetry/telemetry.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';

const MAX_BYTES = 4096;
const MEMORY = 1 << 20;
const PEER = { address: '', port: 0 };
export const PATH = '/weir.test.Echo/Call';

/** The server's end of a connection, fed by hand. */
export interface Server {
  readonly memory: ReceiveMemory;
  readonly connection: { start(socket: Socket): void; receive(bytes: Buffer, length: number): void };
}

/** `onBody` hears of each request that comes to the handler, `onEnd` when the connection has ended. */
export type Serve = (onBody: (body: string) => void, onEnd: () => void) => Server;

function take({ buffer, start, end, slab }: ByteRange): string {
  const text = buffer.toString('latin1', start, end);
  slab?.release();
  return text;
}

export const serveGrpc: Serve = (onBody, onEnd) => {
  const handler = (call: UnaryCall): void => {
    const body = take(call.message);
    onBody(body);
    if (body.length === 1) call.fail({ code: StatusCode.UNAVAILABLE, message: 'no' });
    else call.reply(Buffer.alloc(Math.min(body.length, 50)));
  };
  const settings = new ServerSettings({
    endpoint: { host: '', port: 0 },
    methods: new Map([[PATH, handler]]),
    maxReceiveMessageBytes: MAX_BYTES,
    clock: new FakeClock(),
  });
  return { memory: settings.memory, connection: new ServerConnection(settings, PEER, onEnd) };
};

export const serveHttp: Serve = (onBody, onEnd) => {
  const memory = new ReceiveMemory(MEMORY);
  const handler = (request: HttpRequest): void => {
    const body = take(request.body);
    onBody(`${request.method} ${request.path} ${[...request.headers().keys()]} ${request.bodyTooLarge} ${body}`);
    request.respond(new HttpResponse(200, [], Buffer.alloc(Math.min(body.length, 50))));
  };
  const settings = http2Settings(
    {
      address: { endpoint: '' },
      handler,
      maxBodyBytes: MAX_BYTES,
      timeouts: { readHeaderMs: 0, readMs: 0, writeMs: 0, idleMs: 0 },
      keepAlive: true,
      clock: new FakeClock(),
    },
    memory,
  );
  return { memory, connection: new Http2Connection(settings, PEER, onEnd) };
};
