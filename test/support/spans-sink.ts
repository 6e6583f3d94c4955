import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { scan } from '../../core/otlp/scan/scan.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { spanNames } from '../../core/testing/spans.ts';

/** An OTLP/HTTP destination that takes its time, or never answers, and knows how often each span arrived. */
export class SpansSink implements AsyncDisposable {
  /** Times that a span arrived, by its name up to the first blank. */
  readonly arrived = new Map<string, number>();
  requests = 0;
  answers = true;
  takesMs = 0;
  readonly #server = createServer((request, response) => this.#take(request, response));

  /** On this port, or a free one. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // its sender is gone
    }
    this.requests++;
    if (!this.answers) return;
    if (this.takesMs > 0) await sleep(this.takesMs);
    const body = Buffer.concat(chunks);
    for (const name of spanNames(Telemetry.of('traces', body, scan('traces', body, 0, body.length)))) {
      const [short = ''] = name.split(' ');
      this.arrived.set(short, (this.arrived.get(short) ?? 0) + 1);
    }
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
