/** A short run of the differential test for every stage, with a new seed each time; `test/differential` has the long one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, requestsFor } from '../differential/compare.ts';
import { Random } from '../differential/random.ts';
import { STAGES } from '../differential/stages.ts';

const PIPELINES = 40;
const REQUESTS = 4;

for (const stage of STAGES) {
  test(`${stage.name} gives what the collector gives`, async () => {
    const seed = Date.now() % 1_000_000;
    const random = new Random(seed);
    const pipelines = Array.from({ length: PIPELINES }, () => stage.pipeline(random));
    const requests = requestsFor(stage, pipelines, seed, REQUESTS);
    const once = await compare(stage, pipelines, requests);
    // again, because a timer may run between two requests of the one and not of the other
    const twice = await compare(
      stage,
      once.map(({ pipeline }) => pipeline),
      requests,
    );
    const told = twice.map(({ what, pipeline }) => `${what}\n${JSON.stringify(pipeline)}`);
    assert.deepEqual(
      told,
      [],
      `node test/differential/run.ts --only ${stage.name} --seed ${seed} --batch ${PIPELINES}`,
    );
  });
}
