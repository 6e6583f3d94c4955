/** Each target for a few seconds in all, with a seed that stays and one that does not; and what was once found. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { supervise } from './supervise.ts';
import { TARGETS, targetNamed } from './targets.ts';

const MUTATIONS = 1000;
/** Of a target whose check takes a millisecond. */
const FEW = 100;
const SLOW: readonly string[] = ['config'];
const SEED = 20_260_101;
const random = Math.floor(Math.random() * 2 ** 32);
const REGRESSIONS = fileURLToPath(new URL('./regressions', import.meta.url));

for (const name of TARGETS) {
  test(`${name}, seeds ${SEED} and ${random}`, async () => {
    const wanted = SLOW.includes(name) ? FEW : MUTATIONS;
    for (const seed of [SEED, random]) {
      const { findings, mutations, accepted } = await supervise(name, seed, wanted);
      const [first] = findings;
      const input = first === undefined ? '' : Buffer.from(first.input).toString('hex');
      assert.equal(first, undefined, `seed ${seed}, mutation ${first?.mutation}: ${input}\n${first?.message}`);
      assert.equal(mutations, wanted);
      assert.ok(accepted > 0, 'nothing was accepted');
    }
  });
}

test('what was found once is not found again', async () => {
  for (const name of existsSync(REGRESSIONS) ? readdirSync(REGRESSIONS) : []) {
    const target = await targetNamed(name);
    for (const file of readdirSync(`${REGRESSIONS}/${name}`)) {
      await assert.doesNotReject(
        async () => target.check(readFileSync(`${REGRESSIONS}/${name}/${file}`)),
        `${name}/${file}`,
      );
    }
  }
});
