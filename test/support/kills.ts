import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { scan } from '../../core/otlp/scan/scan.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { spanNames } from '../../core/testing/spans.ts';
import { Lab, postSpans } from './lab.ts';
import { freePort } from './ports.ts';

const CONSUMERS = 4;
const SENDERS = 16;
const SPANS_PER_REQUEST = 5;
/** The longest time between being ready and being killed. */
const MAX_LIFE_MS = 600;
/** One in so many lives ends while the process starts. */
const EARLY = 4;
const MAX_START_MS = 600;
/**
 * Requests that may be sent twice after one kill: those under way, and those whose delivery was not yet noted. With a
 * sink that answers at once this is some of those that arrive during one write.
 */
const MAX_TWICE_PER_KILL = 4 * CONSUMERS;
const ALL_ARRIVED_MS = 60_000;

/** An OTLP/HTTP destination that is slow, refuses now and then, and knows how often each span arrived. */
class Sink implements AsyncDisposable {
  readonly arrived = new Map<string, number>();
  /** One in so many requests is refused; 0: none. */
  refuses = 0;
  readonly #server = createServer((request, response) => this.#take(request, response));

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // its sender was killed
    }
    if (this.refuses > 0 && Math.random() * this.refuses < 1) {
      response.writeHead(503).end();
      return;
    }
    const body = Buffer.concat(chunks);
    for (const name of spanNames(Telemetry.of('traces', body, scan('traces', body, 0, body.length)))) {
      this.arrived.set(name, (this.arrived.get(name) ?? 0) + 1);
    }
    if (Math.random() < 0.3) await sleep(Math.random() * 10);
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function configuration(port: number, sink: number, directory: string): string {
  return `
extensions: { file_storage: { directory: "${directory}", create_directory: true } }
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters:
  otlp_http:
    endpoint: "http://127.0.0.1:${sink}"
    compression: none
    retry_on_failure: { initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0 }
    sending_queue: { storage: file_storage, queue_size: 100000, num_consumers: ${CONSUMERS} }
service:
  extensions: [file_storage]
  telemetry: { logs: { level: warn }, metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } }`;
}

/** Sends until told to stop; what was acknowledged is in `acknowledged`. */
class Load {
  readonly acknowledged: string[] = [];
  #stopped = false;
  readonly #senders: Promise<void>[];

  constructor(port: number) {
    this.#senders = Array.from({ length: SENDERS }, (_, sender) => this.#send(port, sender));
  }

  async #send(port: number, sender: number): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const names = Array.from({ length: SPANS_PER_REQUEST }, (_, span) => `${sender}-${i}-${span}`);
      try {
        if ((await postSpans(port, names)) === 200) this.acknowledged.push(...names);
      } catch {
        await sleep(5);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#senders);
  }
}

/**
 * Kills the process at random moments, while it starts and while it takes in and delivers, and starts it again: in the
 * end every acknowledged span has arrived, and twice only what was under way when the process was killed.
 */
export async function surviveKills(kills: number): Promise<{ readonly acknowledged: number; readonly twice: number }> {
  await using lab = new Lab();
  await using sink = new Sink();
  const port = await freePort();
  const yaml = configuration(port, await sink.listen(), lab.path('queue'));
  const load = new Load(port);
  for (let kill = 0; kill < kills; kill++) {
    sink.refuses = kill % 3 === 0 ? 0 : 3;
    const weir = lab.run(yaml);
    if (kill % EARLY === EARLY - 1) await sleep(Math.random() * MAX_START_MS);
    else {
      await weir.listening(port);
      await sleep(Math.random() * MAX_LIFE_MS);
    }
    weir.process.kill('SIGKILL');
    await weir.exited();
    assert.doesNotMatch(weir.output, /"level":"error"|\terror\t(?!Exporting failed. Rejecting data.)/);
  }
  await load.stop();
  sink.refuses = 0;
  const last = await lab.run(yaml).listening(port);
  const missing = () => load.acknowledged.filter((name) => !sink.arrived.has(name));
  await last.until('everything to arrive', () => missing().length === 0, ALL_ARRIVED_MS);
  assert.equal(await last.stop(), 0, last.output);
  const segments = readdirSync(lab.path('queue/exporter_otlp_http__traces.segments')).filter((n) =>
    n.endsWith('segment'),
  );
  assert.deepEqual(segments, [], 'what was delivered is no longer there');
  const twice = [...sink.arrived.values()].filter((times) => times > 1).length / SPANS_PER_REQUEST;
  assert.ok(twice <= kills * MAX_TWICE_PER_KILL, `${twice} requests arrived more than once`);
  return { acknowledged: load.acknowledged.length, twice };
}
