import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What happens to an insert on its way: `pass`; `busy`: half of it is read, then the answer is 503; `cut`: half of it
 * is sent on, then both connections end; `swallow`: the server stores it and its answer is kept back; `lose`: the
 * server stores it and the connection ends without an answer. A record adds settings to the statement.
 */
export type Fate = 'pass' | 'busy' | 'cut' | 'swallow' | 'lose' | Readonly<Record<string, string>>;

/** Stands between an exporter and a server; other statements than inserts pass. */
export class FaultyProxy implements AsyncDisposable {
  /** Asked for each insert. */
  fate: () => Fate = () => 'pass';
  /** How many inserts had a fate other than `pass`. */
  hits = 0;
  readonly #target: string;
  readonly #server = createServer((incoming, response) => {
    // either side may be gone at any time, which is what this is for
    void this.#take(incoming, response).catch(() => response.destroy());
  });

  private constructor(target: string) {
    this.#target = target;
  }

  static async before(target: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', this.#target);
    const fate = url.searchParams.get('query')?.startsWith('INSERT') === true ? this.fate() : 'pass';
    if (fate !== 'pass') this.hits++;
    if (fate === 'busy') {
      incoming.once('data', () => {
        response.writeHead(503, { connection: 'close' }).end('the balancer has no server');
        response.once('finish', () => incoming.destroy());
      });
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (typeof fate === 'object') for (const [name, value] of Object.entries(fate)) url.searchParams.set(name, value);
    const { host, connection, ...headers } = incoming.headers;
    const onward = request(url, { method: incoming.method, headers });
    if (fate === 'cut') {
      onward.on('error', () => {});
      onward.write(body.subarray(0, body.length >> 1), () => {
        onward.destroy();
        response.destroy();
      });
      return;
    }
    onward.end(body);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    if (fate === 'swallow' || fate === 'lose') {
      answer.resume();
      await once(answer, 'end');
      if (fate === 'lose') response.destroy();
      return;
    }
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
