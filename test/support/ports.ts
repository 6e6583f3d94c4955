import { createServer } from 'node:net';

/**
 * Below the range from which the kernel takes the ports of outgoing connections, so that none of those gets in, and
 * above those that some test needs by number.
 */
const FIRST = 15_000;
const COUNT = 17_000;
const TRIES = 500;
/** Processes of one test run have numbers close together: each begins where no other one does. */
const PORTS_OF_A_PROCESS = 40;
let next = process.pid * PORTS_OF_A_PROCESS;

/** A port of 127.0.0.1 that nothing listens on; one process is given the same again after all others. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + (next++ % COUNT);
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${FIRST + COUNT}`);
}

/** Whether nothing listens there. */
export function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
