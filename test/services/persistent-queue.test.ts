/** The sending queue on disk, killed many times at random moments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { surviveKills } from '../support/kills.ts';

const KILLS = 50;

test(`killed ${KILLS} times: every acknowledged span arrives`, async (t) => {
  const { acknowledged, twice } = await surviveKills(KILLS);
  t.diagnostic(`${acknowledged} spans acknowledged, ${twice} requests arrived twice`);
  assert.ok(acknowledged > 1000, `${acknowledged} spans acknowledged`);
});
