/**
 * The tests that take long: a flood of five minutes against the memory limiter, and 20 minutes of mixed load.
 *
 *   npm run endurance -- [--only flood,soak] [--flood-seconds 300] [--soak-seconds 1200]
 */
import { parseArgs } from 'node:util';
import { flood } from './flood.ts';
import { floodFaults, soakFaults } from './judge.ts';
import { soak } from './soak.ts';

const LIMIT_MIB = 300;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'flood,soak' },
    'flood-seconds': { type: 'string', default: '300' },
    'soak-seconds': { type: 'string', default: '1200' },
  },
});
const chosen = new Set(values.only.split(','));

function report(name: string, result: unknown, faults: readonly string[]): void {
  console.log(
    `${name}: ${faults.length === 0 ? 'passed' : faults.join('; ')}\n${JSON.stringify(result, undefined, 2)}`,
  );
  if (faults.length > 0) process.exitCode = 1;
}

if (chosen.has('flood')) {
  const result = await flood(Number(values['flood-seconds']), LIMIT_MIB);
  report('flood', result, floodFaults(result));
}
if (chosen.has('soak')) {
  const result = await soak(Number(values['soak-seconds']));
  report('soak', result, soakFaults(result));
}
