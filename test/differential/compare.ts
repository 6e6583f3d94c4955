import { diff } from '../golden/diff.ts';
import { countItems, normalise } from '../golden/normalise.ts';
import { needOtelcol } from '../services/otelcol.ts';
import { type Outcome, Refused, type Request, type RunResult, run } from './program.ts';
import { Random } from './random.ts';
import { type Pipeline, requestOf, type Stage } from './stage.ts';

/** What was compared, so that nobody takes nothing for agreement. */
export interface Tally {
  runs: number;
  /** Pipelines that let something through, and how many spans, points, records or lines of pages that was. */
  pipelines: number;
  items: number;
}

export interface Difference {
  readonly pipeline: Pipeline;
  readonly what: string;
  /** The collector's and weir's, where both ran. */
  readonly outputs?: readonly [want: Outcome, got: Outcome];
}

/** Requests for a batch; its seed decides them. */
export function requestsFor(stage: Stage, pipelines: readonly Pipeline[], seed: number, each: number): Request[] {
  const random = new Random(seed);
  const requests: Request[] = [];
  for (let i = 0; i < each; i++) {
    for (const signal of new Set(pipelines.map((p) => p.signal))) {
      requests.push({ signal, body: requestOf(stage, signal, random) });
    }
  }
  return requests;
}

/** The pipelines whose output differs, or that only one of the two programs accepts. */
export async function compare(
  stage: Stage,
  pipelines: readonly Pipeline[],
  requests: readonly Request[],
  tally: Tally = { runs: 0, pipelines: 0, items: 0 },
): Promise<Difference[]> {
  if (pipelines.length === 0) return [];
  const [ours, theirs] = await Promise.all([
    attempt(stage, pipelines, requests),
    attempt(stage, pipelines, requests, [needOtelcol()]),
  ]);
  if (ours instanceof Refused || theirs instanceof Refused) {
    return refusals(stage, pipelines, requests, ours, theirs, tally);
  }
  for (const outcome of theirs.outcomes) {
    const items = itemsOf(outcome);
    tally.runs++;
    tally.items += items;
    if (items > 0) tally.pipelines++;
  }
  const found = pipelines.flatMap((pipeline, i) => {
    const outputs = [theirs.outcomes[i] as Outcome, ours.outcomes[i] as Outcome] as const;
    const what = outcomeDiff(...outputs, stage);
    return what === undefined ? [] : [{ pipeline, what, outputs }];
  });
  const statuses = diff(theirs.statuses, ours.statuses, 'status of request');
  return statuses === undefined ? found : [{ pipeline: pipelines[0] as Pipeline, what: statuses }, ...found];
}

async function attempt(
  stage: Stage,
  pipelines: readonly Pipeline[],
  requests: readonly Request[],
  command?: readonly string[],
): Promise<RunResult | Refused> {
  try {
    return await run(command, pipelines, requests, stage.settleMs ?? 0);
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

/** A program refuses a configuration as a whole, so halves are tried until one pipeline is left. */
async function refusals(
  stage: Stage,
  pipelines: readonly Pipeline[],
  requests: readonly Request[],
  ours: RunResult | Refused,
  theirs: RunResult | Refused,
  tally: Tally,
): Promise<Difference[]> {
  const [only] = pipelines;
  if (pipelines.length === 1 && only !== undefined) {
    if (ours instanceof Refused && theirs instanceof Refused) return [];
    const [name, error] = ours instanceof Refused ? ['weir', ours] : ['otelcol', theirs as Refused];
    return [{ pipeline: only, what: `only ${name} refuses: ${error.message}` }];
  }
  const middle = pipelines.length >> 1;
  return [
    ...(await compare(stage, pipelines.slice(0, middle), requests, tally)),
    ...(await compare(stage, pipelines.slice(middle), requests, tally)),
  ];
}

function itemsOf(outcome: Outcome): number {
  if ('pages' in outcome)
    return (outcome.pages[0] ?? '').split('\n').filter((line) => !line.startsWith('#')).length - 2;
  return outcome.documents.reduce((sum, document) => sum + countItems(document), 0);
}

function outcomeDiff(want: Outcome, got: Outcome, stage: Stage): string | undefined {
  if ('pages' in want && 'pages' in got) return pagesDiff(want.pages, got.pages);
  if (!('documents' in want && 'documents' in got)) throw new Error('outcomes of different kinds');
  const settings = stage.compare ?? {};
  return diff(normalise(want.documents, settings), normalise(got.documents, settings), 'output');
}

function pagesDiff(want: readonly string[], got: readonly string[]): string | undefined {
  for (const [i, page] of want.entries()) {
    const expected = linesOf(page);
    const found = linesOf(got[i] ?? '');
    const at = expected.findIndex((line, n) => line !== found[n]);
    if (at >= 0) return `page ${i}, line ${at + 1} is ${found[at]}, expected ${expected[at]}`;
    if (found.length > expected.length) return `page ${i} has a further line ${found[expected.length]}`;
  }
  return undefined;
}

/** The collector writes the two labels of an exemplar in any order. */
function linesOf(page: string): string[] {
  return page.replace(/# \{(span_id="\w+"),(trace_id="\w+")\}/g, '# {$2,$1}').split('\n');
}
