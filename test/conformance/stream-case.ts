/**
 * Runs one case of stream processing through the connectors and prints what came out as JSON: the program that a check
 * of recorded results calls with a case file. `{error}` for a configuration that is refused.
 */
import { readFileSync } from 'node:fs';
import type { StreamCase } from './stream/harness.ts';

type Kind = { readonly run: (testCase: StreamCase) => Promise<object> };

const KINDS: Readonly<Record<string, () => Promise<Kind>>> = {
  window: () => import('./stream/window.ts'),
  pattern: () => import('./stream/pattern.ts'),
  ewma: () => import('./stream/ewma.ts'),
  dedup: () => import('./stream/dedup.ts'),
  alert_job: () => import('./stream/alert-job.ts'),
};

const testCase = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as StreamCase;
const kind = await KINDS[testCase.kind]?.();
if (kind === undefined) throw new Error(`no kind ${testCase.kind}`);
try {
  console.log(JSON.stringify(await kind.run(testCase)));
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).message }));
}
