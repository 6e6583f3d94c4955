import { fileURLToPath } from 'node:url';
import { Flag, FrameType } from '../../core/http2/frames.ts';
import { frame, headers, message, RawPeer } from '../../core/http2/testing/raw-peer.ts';
import type { Lab } from './lab.ts';
import { Victim } from './victim.ts';

const certificate = (name: string) => fileURLToPath(new URL(`./tls/${name}`, import.meta.url));

type Fields = readonly (readonly [string, string])[];

/** A port that speaks HTTP/2, and what a request is on it. */
export interface Dialect {
  readonly transport: 'grpc' | 'http';
  readonly head: Fields;
  /** The bytes of a request that is accepted. */
  readonly body: Buffer;
  /** What opens a request of so many bytes. */
  begin(id: number, length: number): Buffer;
  /** Of a request: one that does not exist, one over the limit of size, one whose bytes are zeros. */
  readonly outcomes: { readonly empty: string; readonly oversized: string; readonly zeros: string };
  /** A field whose value comes back in a longer answer, and the fields around it. */
  readonly echo: {
    readonly before: Fields;
    readonly name: string;
    readonly value: string;
    readonly after: Fields;
    readonly limits: readonly string[];
  };
  /** In the headers of an answer. */
  readonly outcomeField: string;
  readonly maxStreams: number;
  /** What a flood of pings reaches. */
  readonly pings: string;
  readonly sizeLimit: string;
  /** A large number of clients: with TLS each takes its time. */
  readonly many: number;
  /** KiB that a connection holds beside what a plaintext one does. */
  readonly perConnectionKib: number;
  /**
   * KiB that a client can make a connection hold by not reading: a write under way and what waits behind it, with TLS
   * also the same encrypted, and a read on either side of the decryption.
   */
  readonly unreadKib: number;
}

const grpcHead: Fields = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/opentelemetry.proto.collector.trace.v1.TraceService/Export'],
  ['content-type', 'application/grpc'],
];
const httpHead: Fields = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':path', '/v1/traces'],
  ['content-type', 'application/json'],
];

export const DIALECTS: readonly Dialect[] = [
  {
    transport: 'grpc',
    head: grpcHead,
    body: message(Buffer.alloc(0)),
    begin: (id, length) =>
      Buffer.concat([headers(id, grpcHead), frame(FrameType.DATA, 0, id, message(Buffer.alloc(0), length))]),
    outcomes: { empty: '12', oversized: '8', zeros: '3' },
    echo: {
      before: [
        [':method', 'POST'],
        [':scheme', 'http'],
      ],
      name: ':path',
      value: `/${'%'.repeat(3900)}/x`,
      after: [['content-type', 'application/grpc']],
      limits: [],
    },
    outcomeField: 'grpc-status',
    maxStreams: 1024,
    pings: 'pings',
    sizeLimit: 'message_size',
    many: 1000,
    perConnectionKib: 0,
    unreadKib: 256 + 64,
  },
  {
    transport: 'http',
    head: httpHead,
    body: Buffer.from('{}'),
    begin: (id, length) => headers(id, [...httpHead, ['content-length', String(length)]]),
    outcomes: { empty: '400', oversized: '400', zeros: '400' },
    echo: {
      before: httpHead,
      name: 'content-encoding',
      value: '"'.repeat(3900),
      after: [],
      limits: [],
    },
    outcomeField: ':status',
    maxStreams: 250,
    pings: 'control_frames',
    sizeLimit: 'body_size',
    many: 500,
    perConnectionKib: 65,
    unreadKib: 2 * (256 + 64) + 2 * 64,
  },
];

/** A process that is attacked on one of its ports. */
export class Target {
  readonly dialect: Dialect;
  readonly #lab: Lab;
  #victim: Victim | undefined;

  constructor(lab: Lab, dialect: Dialect) {
    this.#lab = lab;
    this.dialect = dialect;
  }

  get started(): boolean {
    return this.#victim !== undefined;
  }

  get victim(): Victim {
    if (this.#victim === undefined) throw new Error('not started');
    return this.#victim;
  }

  /** A new process, so that what came before does not count. */
  async fresh(): Promise<void> {
    this.#victim?.daemon.process.kill('SIGKILL');
    const limit = `max_connections: ${this.dialect.many + 100}`;
    const tls = `tls: { cert_file: "${certificate('server.crt')}", key_file: "${certificate('server.key')}" }`;
    this.#victim = await Victim.start(
      this.#lab,
      this.dialect.transport === 'grpc' ? { grpc: limit } : { http: `${limit}, ${tls}`, secure: true },
    );
    await this.victim.serves();
  }

  connect(first?: Buffer): Promise<RawPeer> {
    const { grpc, http } = this.victim;
    return this.dialect.transport === 'grpc' ? RawPeer.connect(grpc, first) : RawPeer.connectTls(http, first);
  }

  /** A whole request. */
  call(id: number): Buffer {
    const { head, body } = this.dialect;
    return Buffer.concat([headers(id, head), frame(FrameType.DATA, Flag.END_STREAM, id, body)]);
  }

  /** How the server took a request. */
  async outcome(peer: RawPeer, id: number): Promise<string | undefined> {
    return (await peer.takeHeaders(id))[this.dialect.outcomeField];
  }

  /** As `Victim.attack`; limits are named without the transport. */
  attack(boundMiB: number, limits: readonly string[], run: () => Promise<unknown>, connections = 0): Promise<void> {
    const { transport, perConnectionKib } = this.dialect;
    const bound = boundMiB + Math.ceil((connections * perConnectionKib) / 1024);
    return this.victim.attack(
      bound,
      limits.map((limit) => `${transport} ${limit}`),
      run,
    );
  }

  /** So many clients do the same; all connections are closed afterwards, and the server has let go of them. */
  async crowd(count: number, each: (peer: RawPeer) => unknown, meanwhile?: () => Promise<unknown>): Promise<void> {
    const { victim } = this;
    const descriptors = victim.descriptors;
    const peers: RawPeer[] = [];
    while (peers.length < count) {
      const some = await Promise.all(Array.from({ length: Math.min(50, count - peers.length) }, () => this.connect()));
      peers.push(...some);
      await Promise.all(some.map(each));
    }
    await meanwhile?.();
    await Promise.all(peers.map((peer) => peer.end()));
    await victim.daemon.until('the connections to be gone', () => victim.descriptors <= descriptors);
  }
}
