import { createServer } from 'node:net';

/** Below the range from which the kernel takes the ports of outgoing connections, so that none of those gets in. */
const FIRST = 22_000;
const COUNT = 8_000;
const TRIES = 500;
const given = new Set<number>();

/** A port of 127.0.0.1 that nothing listens on, never given twice by one process. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port from ${FIRST} to ${FIRST + COUNT}`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
