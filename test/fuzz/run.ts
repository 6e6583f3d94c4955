/**
 * `npm run fuzz [-- --mutations N] [--seed S] [--only NAME,…]`: every target, one after another, each in a thread that
 * is ended when an input takes too long. Findings are made as short as they get and kept under `regressions`, where the
 * tests run them from then on. Exit status 1 where there were any.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { supervise } from './supervise.ts';
import { TARGETS } from './targets.ts';

const { values } = parseArgs({
  options: {
    mutations: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    only: { type: 'string' },
  },
});
const only = values.only?.split(',');
const MOST_LINES = 15;
const REGRESSIONS = fileURLToPath(new URL('./regressions', import.meta.url));

for (const name of TARGETS) {
  if (only !== undefined && !only.some((part) => name.startsWith(part))) continue;
  const began = performance.now();
  const report = await supervise(name, Number(values.seed), Number(values.mutations));
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  const { mutations, accepted, findings } = report;
  const cpu = report.cpuSeconds.toFixed(0);
  console.log(
    `${name}: ${mutations} mutations, ${accepted} accepted, ${minutes} min (${cpu} s of processor), ` +
      `+${report.growthMib} MiB, ${findings.length} found`,
  );
  for (const { mutation, message, input } of findings) {
    const folder = join(REGRESSIONS, name);
    const file = join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, input);
    const lines = message.split('\n').slice(0, MOST_LINES);
    console.log(`  seed ${values.seed}, mutation ${mutation}: ${file}\n    ${lines.join('\n    ')}`);
    process.exitCode = 1;
  }
}
