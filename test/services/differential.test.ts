/** A short run of the differential test for every stage, always the same; `test/differential` has the long one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, requestsFor } from '../differential/compare.ts';
import { Random } from '../differential/random.ts';
import { STAGES } from '../differential/stages.ts';

/** Another one looks for differences not known yet, which is no reason for a change that is under test to fail. */
const SEED = Number(process.env.WEIR_SEED ?? 1);
const PIPELINES = 40;
const REQUESTS = 4;
/** On a busy machine a timer may run between two requests of the one program and not of the other. */
const TRIES = 4;

for (const stage of STAGES) {
  test(`${stage.name} gives what the collector gives`, async () => {
    const random = new Random(SEED);
    const pipelines = Array.from({ length: PIPELINES }, () => stage.pipeline(random));
    const requests = requestsFor(stage, pipelines, SEED, REQUESTS);
    let differences = await compare(stage, pipelines, requests);
    for (let i = 1; i < TRIES && differences.length > 0; i++) {
      differences = await compare(
        stage,
        differences.map(({ pipeline }) => pipeline),
        requests,
      );
    }
    const told = differences.map(({ what, pipeline }) => `${what}\n${JSON.stringify(pipeline)}`);
    assert.deepEqual(
      told,
      [],
      `node test/differential/run.ts --only ${stage.name} --seed ${SEED} --batch ${PIPELINES}`,
    );
  });
}
