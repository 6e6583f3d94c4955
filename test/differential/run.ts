/**
 * Random configurations and random telemetry through weir and the reference collector; the outputs are compared.
 *
 *   npm run differential -- [--runs 200] [--only attributes,span] [--seed 1] [--no-shrink] [--keep FOLDER]
 *
 * A run is one configuration. A hundred share two processes and the telemetry. The seed of a batch brings back all of
 * it: `--seed SEED --runs 100 --only STAGE`. `--keep FOLDER` writes the first difference and its telemetry to files.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeTree } from '../../core/otlp/tree.ts';
import { compare, type Difference, requestsFor } from './compare.ts';
import type { Request } from './program.ts';
import { Random } from './random.ts';
import { shrink } from './shrink.ts';
import type { Stage } from './stage.ts';
import { STAGES } from './stages.ts';

const BATCH = 100;
const REQUESTS = 6;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    only: { type: 'string', default: STAGES.map((s) => s.name).join(',') },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    batch: { type: 'string', default: String(BATCH) },
    'no-shrink': { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
});

for (const name of values.only.split(',')) {
  const stage = STAGES.find((s) => s.name === name);
  if (stage === undefined) throw new Error(`unknown stage ${name}; there are ${STAGES.map((s) => s.name).join(', ')}`);
  await runStage(stage, Number(values.runs), Number(values.seed), Number(values.batch));
}

async function runStage(stage: Stage, runs: number, firstSeed: number, batch: number): Promise<void> {
  let differing = 0;
  const tally = { runs: 0, pipelines: 0, items: 0 };
  let seed = firstSeed;
  const started = performance.now();
  for (let done = 0; done < runs; done += batch, seed++) {
    const random = new Random(seed);
    const pipelines = Array.from({ length: Math.min(batch, runs - done) }, () => stage.pipeline(random));
    const requests = requestsFor(stage, pipelines, seed, REQUESTS);
    const once = await compare(stage, pipelines, requests, tally);
    // what depends on the moment, such as a timer between two requests, is told apart by trying again
    const found = await compare(
      stage,
      once.map(({ pipeline }) => pipeline),
      requests,
    );
    if (found.length < once.length) {
      console.log(`${stage.name}: seed ${seed}: ${once.length - found.length} differed only once: ${once[0]?.what}`);
    }
    differing += found.length;
    const [sample = once[0]] = found;
    if (sample !== undefined && values.keep !== undefined) keep(values.keep, stage.name, sample, requests);
    const [first] = found;
    if (first === undefined) continue;
    console.log(`${stage.name}: seed ${seed}: ${found.length} of ${pipelines.length} differ`);
    for (const difference of found.slice(0, 4)) print(difference);
    if (!values['no-shrink']) {
      const shrunk = await shrink(stage, first, requests);
      console.log('  the first, made smaller:');
      print(shrunk.difference);
      if (values.keep !== undefined) keep(values.keep, `${stage.name}-small`, shrunk.difference, shrunk.requests);
    }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `${stage.name}: ${tally.runs} of ${runs} runs from seed ${firstSeed} compared, ${tally.pipelines} with output ` +
      `(${tally.items} items), ${differing} differ (${seconds} s)`,
  );
  if (differing > 0) process.exitCode = 1;
}

function print({ pipeline, what }: Difference): void {
  console.log(`  ${what}\n    ${pipeline.signal} ${JSON.stringify(pipeline.config)}`);
}

function keep(folder: string, name: string, { pipeline, outputs }: Difference, requests: readonly Request[]): void {
  const write = (part: string, content: unknown) =>
    writeFileSync(join(folder, `${name}.${part}.json`), JSON.stringify(content ?? null, null, 1));
  write('pipeline', pipeline);
  write('otelcol', outputs?.[0]);
  write('weir', outputs?.[1]);
  writeFileSync(join(folder, `${name}.requests.json`), requests.map(printable).join('\n'));
}

function printable({
  signal,
  body,
}: {
  readonly signal: 'traces' | 'metrics' | 'logs';
  readonly body: Buffer;
}): string {
  const tree = decodeTree(signal, { ranges: [{ buffer: body, start: 0, end: body.length }] });
  return JSON.stringify(
    tree,
    // biome-ignore lint/suspicious/noExplicitAny: values of any type
    (_, value: any) => {
      if (typeof value === 'bigint') return String(value);
      return value?.type === 'Buffer' ? Buffer.from(value.data).toString('hex') : value;
    },
    1,
  );
}
