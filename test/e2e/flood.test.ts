/** More than memory has room for, while nothing leaves. `npm run endurance` has the same for five minutes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flood } from '../endurance/flood.ts';
import { floodFaults } from '../endurance/judge.ts';

const SECONDS = 20;
const LIMIT_MIB = 160;

test('a flood of ten times the memory limit: refusals only, and what was accepted arrives', async () => {
  assert.deepEqual(floodFaults(await flood(SECONDS, LIMIT_MIB)), []);
});
