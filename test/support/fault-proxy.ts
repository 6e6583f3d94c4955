import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to a request: an answer of the proxy, the server's answer lost on the way, or (undefined) nothing. */
export type Fault = { readonly status: number; readonly headers?: http.OutgoingHttpHeaders } | 'lost' | undefined;

/** An HTTP way to a server of this machine on which requests have the faults that the test says. */
export class FaultProxy implements AsyncDisposable {
  /** Asked for each request, with its number. */
  fault: (request: number) => Fault = () => undefined;
  /** When each request came, in milliseconds. */
  readonly times: number[] = [];
  readonly #target: number;
  readonly #server: http.Server;

  private constructor(target: number) {
    this.#target = target;
    this.#server = http.createServer((request, response) => {
      void this.#forward(request, response).catch(() => response.destroy());
    });
  }

  static async start(target: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #forward(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fault = this.fault(this.times.length);
    this.times.push(performance.now());
    if (typeof fault === 'object') {
      response.writeHead(fault.status, fault.headers).end();
      return;
    }
    const { method = 'GET', url = '/', headers } = request;
    const forwarded = http.request({ host: '127.0.0.1', port: this.#target, method, path: url, headers });
    forwarded.end(Buffer.concat(chunks));
    const [answer] = (await once(forwarded, 'response')) as [http.IncomingMessage];
    if (fault === 'lost') {
      answer.resume();
      response.destroy();
      return;
    }
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  }
}
