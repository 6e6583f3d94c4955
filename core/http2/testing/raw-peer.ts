import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { Flag, FRAME_HEADER_SIZE, FrameType, PREFACE } from '../frames.ts';
import { HpackDecoder } from '../hpack-decoder.ts';
import { encodeHeaders } from '../hpack-encoder.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_SIZE);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)]);
}

export function headers(
  streamId: number,
  fields: readonly (readonly [string, string])[],
  flags: number = Flag.END_HEADERS,
): Buffer {
  return frame(FrameType.HEADERS, flags, streamId, encodeHeaders(fields));
}

/** A gRPC message with its prefix. */
export function message(bytes: Buffer, length = bytes.length): Buffer {
  return Buffer.concat([Buffer.from([0]), uint32(length), bytes]);
}

export const SETTINGS = frame(FrameType.SETTINGS, 0, 0);
export const SETTINGS_ACK = frame(FrameType.SETTINGS, Flag.ACK, 0);

/** The other end of a connection, which sends whatever a test says and keeps every frame it gets. */
export class RawPeer {
  readonly socket: net.Socket;
  readonly frames: Frame[] = [];
  readonly decoder = new HpackDecoder(1 << 20);
  closed = false;
  #rest = Buffer.alloc(0);
  #wake: () => void = () => {};
  #skip: number;

  constructor(socket: net.Socket, preface = 0) {
    this.socket = socket;
    this.#skip = preface;
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Connects to a server and says hello. */
  static async connect(port: number, first: Buffer = Buffer.concat([PREFACE, SETTINGS])): Promise<RawPeer> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const peer = new RawPeer(socket);
    peer.send(first);
    return peer;
  }

  /** The same over TLS; whose certificate it is does not matter. */
  static async connectTls(port: number, first: Buffer = Buffer.concat([PREFACE, SETTINGS])): Promise<RawPeer> {
    const socket = tls.connect({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
    const peer = new RawPeer(socket);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once('secureConnect', resolve).once('close', () => resolve());
    await promise;
    peer.send(first);
    return peer;
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  #read(bytes: Buffer): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    let rest = Buffer.concat([this.#rest, bytes.subarray(skipped)]);
    while (rest.length >= FRAME_HEADER_SIZE) {
      const end = FRAME_HEADER_SIZE + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      const payload = Buffer.from(rest.subarray(FRAME_HEADER_SIZE, end));
      this.frames.push({ type: rest[3]!, flags: rest[4]!, streamId: rest.readUInt32BE(5), payload });
      rest = rest.subarray(end);
    }
    this.#rest = Buffer.from(rest);
    this.#wake();
  }

  /** The first frame that matches, taken out; rejects when the connection ends without one. */
  async take(type: number, streamId?: number): Promise<Frame> {
    for (;;) {
      const i = this.frames.findIndex((f) => f.type === type && (streamId === undefined || f.streamId === streamId));
      if (i >= 0) return this.frames.splice(i, 1)[0]!;
      if (this.closed) throw new Error(`closed without a frame of type ${type}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The header section of the next HEADERS on the stream. */
  async takeHeaders(streamId: number): Promise<Record<string, string>> {
    const { payload } = await this.take(FrameType.HEADERS, streamId);
    const fields = this.decoder.decode(payload, 0, payload.length);
    return Object.fromEntries(fields.map((f) => [f.name, f.value]));
  }

  /** The error code of GOAWAY or of RST_STREAM. */
  async takeError(type: number, streamId?: number): Promise<number> {
    const { payload } = await this.take(type, streamId);
    return payload.readUInt32BE(type === FrameType.GOAWAY ? 4 : 0);
  }

  async end(): Promise<void> {
    if (this.closed) return;
    this.socket.destroy();
    await once(this.socket, 'close');
  }
}

/** A listener that hands out what clients connect to it. */
export class RawListener {
  readonly #server: net.Server;
  readonly #peers: RawPeer[] = [];
  #wake: () => void = () => {};

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const peer = new RawPeer(socket, PREFACE.length);
      peer.send(SETTINGS, SETTINGS_ACK);
      this.#peers.push(peer);
      this.#wake();
    });
  }

  static async listen(): Promise<RawListener> {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawListener(server);
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  async accept(): Promise<RawPeer> {
    for (;;) {
      const peer = this.#peers.shift();
      if (peer !== undefined) return peer;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#server.close();
  }
}
