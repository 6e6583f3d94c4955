/** A client in a process of its own: `killable-client.ts PREFIX FILE PORT…`. What was acknowledged is in the file. */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { postSpans } from './lab.ts';

const [prefix, file = '', ...ports] = process.argv.slice(2);

/** To one port, a request after the other. */
async function send(port: number, p: number): Promise<never> {
  for (let i = 0; ; i++) {
    const names = [`${prefix}-${p}-${i}-a`, `${prefix}-${p}-${i}-b`];
    if ((await postSpans(port, names)) === 200) appendFileSync(file, names.map((name) => `${name}\n`).join(''));
    await sleep(2);
  }
}

await Promise.all(ports.map((port, p) => send(Number(port), p)));
