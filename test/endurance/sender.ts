/**
 * A process that sends OTLP traces for a while and does not send again what is refused. Gets one `Task` and
 * answers with its `Tally`.
 */
import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { GrpcClient } from '../../core/grpc/client.ts';
import { GrpcError } from '../../core/grpc/grpc-error.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import { StatusCode } from '../../core/status-code.ts';
import { idSum, numberSpans, type Template, templates } from '../bench/load/payload.ts';
import { addIds } from './ids.ts';

/** How requests are sent; `stranger` is a client that connects, sends nonsense or half a request, and goes. */
export type Kind = 'grpc' | 'grpc-gzip' | 'http' | 'json' | 'stranger';

export interface Task {
  readonly grpc: number;
  readonly http: number;
  readonly seconds: number;
  /** So many bytes are sent, if need be in several times the time. */
  readonly leastBytes?: number;
  readonly spansPerRequest: number;
  /** The number of the first request, so that ids differ between processes. */
  readonly first: number;
  /** Requests a second of each kind, spread over its lanes; 0 is as fast as they are answered. */
  readonly load: readonly { readonly kind: Kind; readonly lanes: number; readonly perSecond: number }[];
}

export interface Tally {
  accepted: number;
  idSum: number;
  /** Requests told to come again. */
  refused: number;
  /** Requests that ended in any other way. */
  failed: number;
  bytes: number;
}

type Outcome = 'accepted' | 'refused' | 'failed';
type Send = (template: Template) => Promise<Outcome>;

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const VARIANTS = 8;
/** Longer than an answer takes on a busy machine. */
const TIMEOUT_MS = 30_000;
/** How much longer than asked for, on a machine that is too busy. */
const LONGEST = 8;

process.on('message', (task: Task) => void run(task).then((tally) => process.send!(tally)));
process.on('disconnect', () => process.exit());

async function run(task: Task): Promise<Tally> {
  const tally: Tally = { accepted: 0, idSum: 0, refused: 0, failed: 0, bytes: 0 };
  const start = performance.now();
  const goesOn = (): boolean => {
    const seconds = (performance.now() - start) / 1000;
    return seconds < task.seconds || (tally.bytes < (task.leastBytes ?? 0) && seconds < task.seconds * LONGEST);
  };
  const numbers = { next: task.first };
  const clients: GrpcClient[] = [];
  const lanes = task.load.flatMap(({ kind, lanes, perSecond }) => {
    const client = new GrpcClient({ endpoint: { host: '127.0.0.1', port: task.grpc } });
    clients.push(client);
    const send = sender(kind, task, client);
    const pause = perSecond === 0 ? 0 : (1000 * lanes) / perSecond;
    return Array.from({ length: lanes }, () => lane(kind, task, send, pause, goesOn, numbers, tally));
  });
  await Promise.all(lanes);
  await Promise.all(clients.map((client) => client.close()));
  return tally;
}

async function lane(
  kind: Kind,
  task: Task,
  send: Send,
  pauseMs: number,
  goesOn: () => boolean,
  numbers: { next: number },
  tally: Tally,
): Promise<void> {
  const originals = templates(VARIANTS, task.spansPerRequest);
  for (let due = performance.now(), i = 0; goesOn(); i++) {
    due += pauseMs;
    if (pauseMs > 0) await sleep(Math.max(0, due - performance.now()));
    const template = originals[i % VARIANTS]!;
    const number = numbers.next++;
    numberSpans(template, number);
    const outcome = await send(template);
    if (kind === 'stranger') continue;
    tally.bytes += template.buffer.length;
    if (outcome === 'accepted') {
      tally.accepted += task.spansPerRequest;
      tally.idSum = addIds(tally.idSum, idSum(number, task.spansPerRequest));
    } else tally[outcome]++;
  }
}

function sender(kind: Kind, task: Task, client: GrpcClient): Send {
  switch (kind) {
    case 'grpc':
      return ({ buffer }) => call(client, buffer);
    case 'grpc-gzip':
      return ({ buffer }) => call(client, gzipSync(buffer, { level: 1 }), 'gzip');
    case 'http':
      return ({ buffer }) => post(task.http, buffer, 'application/x-protobuf');
    case 'json':
      return ({ buffer }) => {
        const json = encodeJson({ signal: 'traces', ranges: [{ buffer, start: 0, end: buffer.length }] });
        return post(task.http, json, 'application/json');
      };
    case 'stranger':
      return ({ buffer }) => intrude(Math.random() < 0.5 ? task.grpc : task.http, buffer);
  }
}

async function call(client: GrpcClient, bytes: Buffer, encoding?: string): Promise<Outcome> {
  try {
    const range = { buffer: bytes, start: 0, end: bytes.length };
    await client.unary(EXPORT, [range], bytes.length, { timeoutMs: TIMEOUT_MS, encoding });
    return 'accepted';
  } catch (error) {
    return error instanceof GrpcError && error.code === StatusCode.UNAVAILABLE ? 'refused' : 'failed';
  }
}

function post(port: number, body: Buffer, type: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = { 'content-type': type, 'content-length': body.length };
    const options = { host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', headers, timeout: TIMEOUT_MS };
    const outgoing = request({ ...options, agent: false }, (answer) => {
      answer.resume();
      const { statusCode } = answer;
      answer.on('end', () => resolve(statusCode === 200 ? 'accepted' : statusCode === 503 ? 'refused' : 'failed'));
    });
    outgoing.on('error', () => resolve('failed')).end(body);
  });
}

function intrude(port: number, bytes: Buffer): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      const start = Math.floor(Math.random() * bytes.length);
      socket.write(
        Math.random() < 0.5
          ? 'POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\nhalf'
          : bytes.subarray(start),
      );
      setTimeout(() => socket.destroy(), 50);
    });
    socket.on('error', () => {}).on('close', () => resolve('failed'));
    socket.resume();
  });
}
