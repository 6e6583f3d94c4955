import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import type { Daemon } from '../support/daemon.ts';
import { Lab, postSpans } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

const run = promisify(execFile);
export const CERTIFICATE = fileURLToPath(new URL('../support/tls/server.crt', import.meta.url));
export const KEY = fileURLToPath(new URL('../support/tls/server.key', import.meta.url));
const QUIET = 'telemetry: { logs: { level: warn }, metrics: { level: none } }';
const INSTALL_MS = 15 * 60_000;
const PEER_MS = 120_000;
/** Without the certificates of the machine, which some peers prefer to those they are given. */
const { REQUESTS_CA_BUNDLE: _requests, CURL_CA_BUNDLE: _curl, SSL_CERT_FILE: _file, ...env } = process.env;

/** Trace id, span id and name. */
export type SentSpan = readonly [traceId: string, spanId: string, name: string];

/** A line of a peer's output. */
export interface Line {
  readonly case?: string;
  readonly sent?: readonly SentSpan[];
  readonly spans?: readonly SentSpan[];
  /** Hexadecimal. */
  readonly answer?: string;
  readonly code?: string;
  readonly details?: string;
  readonly ports?: { readonly plain: number; readonly tls: number; readonly ipv6: number };
}

/** What a script beside this file prints once it has installed its service: where that is. */
export async function installed(script: string): Promise<string> {
  const path = fileURLToPath(new URL(`./${script}`, import.meta.url));
  return (await run('bash', [path], { timeout: INSTALL_MS })).stdout.trim();
}

/** Runs a peer to its end; its lines by case. */
export async function lines(command: readonly string[]): Promise<Map<string, Line>> {
  const [program = '', ...args] = command;
  const { stdout } = await run(program, args, { timeout: PEER_MS, env });
  const parsed = stdout.split('\n').flatMap((line): Line[] => (line.startsWith('{') ? [JSON.parse(line)] : []));
  return new Map(parsed.map((line) => [line.case ?? '', line]));
}

/** Runs a program that prints one JSON document. */
export async function json([program = '', ...args]: readonly string[]): Promise<unknown> {
  return JSON.parse((await run(program, args, { timeout: PEER_MS, env })).stdout);
}

/** Where weir takes OTLP: in the clear, over TLS, over a Unix socket and over IPv6; everything ends in `out.json`. */
export interface Receiver {
  readonly daemon: Daemon;
  readonly grpc: number;
  readonly http: number;
  readonly grpcTls: number;
  readonly httpTls: number;
  readonly grpc6: number;
  readonly http6: number;
  readonly socket: string;
}

export async function receiver(lab: Lab): Promise<Receiver> {
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const [grpc = 0, http = 0, grpcTls = 0, httpTls = 0, grpc6 = 0, http6 = 0] = ports;
  const socket = lab.path('grpc.sock');
  const tls = `tls: { cert_file: "${CERTIFICATE}", key_file: "${KEY}" }`;
  const daemon = lab.run(`
receivers:
  otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${grpc}" }, http: { endpoint: "127.0.0.1:${http}" } } }
  otlp/tls:
    protocols:
      grpc: { endpoint: "127.0.0.1:${grpcTls}", ${tls} }
      http: { endpoint: "127.0.0.1:${httpTls}", ${tls} }
  otlp/six: { protocols: { grpc: { endpoint: "[::1]:${grpc6}" }, http: { endpoint: "[::1]:${http6}" } } }
  otlp/unix: { protocols: { grpc: { endpoint: "${socket}", transport: unix } } }
exporters: { file: { path: "${lab.path('out.json')}", flush_interval: 100ms } }
service:
  ${QUIET}
  pipelines:
    traces: { receivers: [otlp, otlp/tls, otlp/six, otlp/unix], exporters: [file] }
    metrics: { receivers: [otlp, otlp/tls, otlp/six, otlp/unix], exporters: [file] }
    logs: { receivers: [otlp, otlp/tls, otlp/six, otlp/unix], exporters: [file] }`);
  await daemon.listening(grpc, http, grpcTls, httpTls);
  return { daemon, grpc, http, grpcTls, httpTls, grpc6, http6, socket };
}

/** Every span in the lab's `out.json`, with the attributes that peers give, sorted by name. */
export function spansIn(lab: Lab): { readonly span: SentSpan; readonly order: unknown; readonly tags: unknown }[] {
  const found: { span: SentSpan; order: unknown; tags: unknown }[] = [];
  for (const document of lab.documents('out.json')) {
    for (const group of document.resourceSpans ?? []) {
      for (const { spans = [] } of group.scopeSpans ?? []) {
        for (const { traceId, spanId, name, attributes = [] } of spans) {
          const value = (key: string) => attributes.find((a: { key: string }) => a.key === key)?.value;
          found.push({ span: [traceId, spanId, name], order: value('order'), tags: value('tags') });
        }
      }
    }
  }
  return found.sort((a, b) => a.span[2].localeCompare(b.span[2], 'en', { numeric: true }));
}

/** All that peers say they sent is there, once, with its values. */
export async function arrived(lab: Lab, daemon: Daemon, told: ReadonlyMap<string, Line>): Promise<void> {
  const sent = [...told.values()].flatMap((line) => line.sent ?? []);
  assert.ok(sent.length > 0, 'something was sent');
  await daemon.until('all spans in the file', () => spansIn(lab).length >= sent.length, 20_000);
  const expected = sent.map((span) => {
    const values = [{ stringValue: 'a' }, { stringValue: 'é' }];
    const order = { intValue: span[2].split(' ').at(-1) };
    return { span, order, tags: { arrayValue: { values } } };
  });
  const byName = (a: SentSpan, b: SentSpan) => a[2].localeCompare(b[2], 'en', { numeric: true });
  assert.deepEqual(
    spansIn(lab),
    expected.sort((a, b) => byName(a.span, b.span)),
  );
}

/** A request with one span, and what is none, in hexadecimal. */
export const ONE_SPAN = Buffer.from([0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0]).toString('hex');
export const NO_REQUEST = '0a05ffffffffff';
export const UNKNOWN_METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Import';
export const { traces: EXPORT } = EXPORT_METHOD;

/** Named kinds of exporters, each with the metadata that tells the peer what to answer. */
const ANSWERS = ['plain', 'gzip', 'zstd', 'tls', 'ipv6', 'unix', 'retry', 'partial', 'invalid'] as const;

interface ServerOptions {
  readonly name: string;
  /** The peer's command; it takes `serve CERT KEY SOCKET`. */
  readonly command: () => Promise<readonly string[]>;
  /** What the peer can expand beside gzip. */
  readonly skip: readonly (typeof ANSWERS)[number][];
}

/** weir sends to the peer's server in every way, and does what each answer asks for. */
export function weirSendsTo({ name, command, skip }: ServerOptions): void {
  test(`weir → ${name}: compression, TLS, IPv6, Unix socket, retry, partial success, refusal`, async () => {
    await using lab = new Lab();
    await using server = await Server.start([...(await command()), 'serve', CERTIFICATE, KEY, lab.path('peer.sock')]);
    const { plain, tls, ipv6 } = server.ports;
    const clear = 'tls: { insecure: true }';
    const where: Readonly<Record<string, string>> = {
      gzip: `endpoint: "127.0.0.1:${plain}", compression: gzip, ${clear}`,
      zstd: `endpoint: "127.0.0.1:${plain}", compression: zstd, ${clear}`,
      tls: `endpoint: "localhost:${tls}", tls: { ca_file: "${CERTIFICATE}" }`,
      ipv6: `endpoint: "[::1]:${ipv6}", ${clear}`,
      unix: `endpoint: "unix://${lab.path('peer.sock')}", ${clear}`,
    };
    const kinds = ANSWERS.filter((kind) => !skip.includes(kind));
    const exporters = kinds.map((kind) => {
      const to = where[kind] ?? `endpoint: "127.0.0.1:${plain}", compression: none, ${clear}`;
      const headers = `headers: { x-case: ${kind}, x-answer: ${kind} }`;
      return `  otlp/${kind}: { ${to}, ${headers}, retry_on_failure: { initial_interval: 100ms } }`;
    });
    const port = await freePort();
    const ids = kinds.map((kind) => `otlp/${kind}`).join(', ');
    const weir = lab.run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters:
${exporters.join('\n')}
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [${ids}] } }`);
    await weir.listening(port);
    const names = ['a', 'é'];
    assert.equal(await postSpans(port, names), 200);
    const wanted = kinds.length + 1;
    await weir.until('a request of each exporter', () => server.requests.length >= wanted, 30_000);
    await weir.until('a warning', () => weir.output.includes('one too many') && weir.output.includes('not this'));
    assert.equal(await weir.stop(), 0, weir.output);
    for (const kind of kinds) {
      const requests = server.requests.filter((line) => line.case === kind);
      assert.equal(requests.length, kind === 'retry' ? 2 : 1, kind);
      for (const { spans = [] } of requests) {
        assert.deepEqual(
          spans,
          names.map((text, i) => ['5b8efff798038103d269b633813fc60c', `000000000000000${i + 1}`, text]),
        );
      }
    }
  });
}

/** The peer's server; ends with the scope. */
export class Server implements AsyncDisposable {
  readonly requests: Line[] = [];
  ports = { plain: 0, tls: 0, ipv6: 0 };
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start([program = '', ...args]: readonly string[]): Promise<Server> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    const server = new Server(child);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.once('exit', () => reject(new Error('the peer ended')));
    createInterface(child.stdout!).on('line', (text) => {
      if (!text.startsWith('{')) return;
      const line: Line = JSON.parse(text);
      if (line.ports === undefined) server.requests.push(line);
      else {
        server.ports = line.ports;
        resolve();
      }
    });
    await promise;
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
