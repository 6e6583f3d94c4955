/**
 * A process that sends OTLP traces as fast as they are accepted, a fixed number of requests in flight, and sends again
 * what is refused. Started by `run.ts`; gets one `Order` per message and answers with a `Sent`.
 */
import { GrpcClient } from '../../../core/grpc/client.ts';
import { HttpConnection } from './http-connection.ts';
import { idSum, numberSpans, type Template, templates } from './payload.ts';

export interface Order {
  readonly protocol: 'grpc' | 'http';
  readonly port: number;
  readonly requests: number;
  readonly spansPerRequest: number;
  /** The number of the first request, so that ids differ between orders. */
  readonly first: number;
  readonly connections: number;
  readonly inFlightPerConnection: number;
  /** Not faster than this; as fast as accepted where left out. */
  readonly spansPerSecond?: number | undefined;
  /** Over TLS, whatever the certificate; gRPC only. */
  readonly tls?: boolean | undefined;
}

export interface Sent {
  readonly spans: number;
  readonly idSum: number;
  readonly refused: number;
  readonly seconds: number;
  /** Milliseconds from sending to acceptance. */
  readonly p50: number;
  readonly p99: number;
}

type Send = (message: Buffer) => Promise<boolean>;

/** What the lanes of an order share. */
interface Run {
  readonly order: Order;
  readonly originals: readonly Template[];
  readonly start: number;
  next: number;
  refused: number;
  idSum: number;
  readonly latencies: Float64Array;
}

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const VARIANTS = 8;
/** After a refusal, so that a full receiver is not kept busy refusing. */
const PAUSE_MS = 5;

process.on('message', (order: Order) => void carryOut(order).then((sent) => process.send!(sent)));
process.on('disconnect', () => process.exit());

async function carryOut(order: Order): Promise<Sent> {
  const lanes: { send: Send; close: () => unknown }[] = [];
  for (let i = 0; i < order.connections; i++) lanes.push(...(await connect(order)));
  const originals = templates(VARIANTS, order.spansPerRequest);
  const start = performance.now();
  const latencies = new Float64Array(order.requests);
  const run: Run = { order, originals, start, next: 0, refused: 0, idSum: 0, latencies };
  await Promise.all(lanes.map((lane) => work(run, lane.send)));
  const seconds = (performance.now() - start) / 1000;
  for (const lane of lanes) lane.close();
  const sorted = run.latencies.sort();
  const spans = order.requests * order.spansPerRequest;
  return { spans, idSum: run.idSum, refused: run.refused, seconds, p50: at(sorted, 0.5), p99: at(sorted, 0.99) };
}

/** The lanes of one connection: gRPC carries several requests at a time, HTTP/1.1 needs a connection for each. */
async function connect(order: Order): Promise<{ send: Send; close: () => unknown }[]> {
  const lanes = Array.from({ length: order.inFlightPerConnection });
  if (order.protocol === 'http') {
    return Promise.all(
      lanes.map(async () => {
        const connection = await HttpConnection.open(order.port);
        return { send: (message: Buffer) => connection.post(message), close: () => connection.close() };
      }),
    );
  }
  const client = new GrpcClient({
    endpoint: { host: '127.0.0.1', port: order.port },
    tls: order.tls ? { rejectUnauthorized: false } : undefined,
  });
  const send: Send = async (message) => {
    try {
      await client.unary(EXPORT, [{ buffer: message, start: 0, end: message.length }], message.length);
      return true;
    } catch {
      return false;
    }
  };
  return lanes.map(() => ({ send, close: () => client.close() }));
}

/** One request at a time, from messages of its own, because a message must not change while it is being sent. */
async function work(run: Run, send: Send): Promise<void> {
  const { order, originals } = run;
  const own = originals.map(({ buffer, ids }) => ({ buffer: Buffer.from(buffer), ids }));
  for (let i = run.next++; i < order.requests; i = run.next++) {
    const number = order.first + i;
    const template = own[number % VARIANTS]!;
    numberSpans(template, number);
    await turn(run, i);
    const start = performance.now();
    while (!(await send(template.buffer))) {
      run.refused++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    run.latencies[i] = performance.now() - start;
    run.idSum += idSum(number, order.spansPerRequest);
  }
}

/** Waits until request `index` is due at the rate of the order. */
async function turn({ order, start }: Run, index: number): Promise<void> {
  if (order.spansPerSecond === undefined) return;
  const due = start + (index * order.spansPerRequest * 1000) / order.spansPerSecond;
  const wait = due - performance.now();
  if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
}

function at(sorted: Float64Array, quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0;
}
