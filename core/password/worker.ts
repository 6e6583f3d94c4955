/** The thread that computes slow hashes. Answers in the order of the questions. */
import { parentPort } from 'node:worker_threads';
import { matchesSlowly } from './slow-match.ts';

parentPort?.on('message', ({ encoded, password }: { readonly encoded: string; readonly password: Uint8Array }) => {
  let matches = false;
  try {
    matches = matchesSlowly(encoded, Buffer.from(password));
  } catch {
    // a hash that the library cannot read: nobody has this password
  }
  parentPort?.postMessage(matches);
});
