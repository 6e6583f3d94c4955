import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Post {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A server on 127.0.0.1 that keeps what is posted to it and answers with `answer.status`. */
export interface HttpSink {
  readonly posts: readonly Post[];
  readonly answer: { status: number };
  readonly port: number;
  close(): void;
}

export async function startHttpSink(): Promise<HttpSink> {
  const posts: Post[] = [];
  const answer = { status: 200 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(answer.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { posts, answer, port: (server.address() as AddressInfo).port, close: () => server.close() };
}
