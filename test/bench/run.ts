/**
 * Compares weir with the reference collector: processor seconds per million spans, memory, loss.
 *
 *   npm run bench -- [--rounds 5] [--spans 1000000] [--only passthrough,batch,idle] [--subject 'NAME=COMMAND']…
 *
 * The subjects run in alternation (A B, B A …) under the same load from processes of their own. Without --subject these
 * are the built weir and, where it is there, the reference collector (see test/services/otelcol.sh).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { otelcolPath } from '../services/otelcol.ts';
import { type IdleResult, measure, measureIdle, type Result, type Subject } from './measure.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    spans: { type: 'string', default: '1000000' },
    only: { type: 'string', default: [...SCENARIOS.map((s) => s.name), 'idle'].join(',') },
    subject: { type: 'string', multiple: true },
  },
});
const rounds = Number(values.rounds);
const chosen = new Set(values.only.split(','));
const subjects = values.subject?.map(parseSubject) ?? defaultSubjects();

console.log(`${rounds} rounds, ${values.spans} spans; medians. CPU: seconds per million spans.\n`);
for (const scenario of SCENARIOS.filter((s) => chosen.has(s.name))) {
  const results = await alternate((subject) => measure(subject, scenario, Number(values.spans)));
  for (const [subject, list] of results) console.log(loadLine(scenario.name, subject, list));
  compare(results, { CPU: (r) => r.cpuPerMillion, RSS: (r) => r.rssMiB });
  const all = [...results.values()].flat();
  const agree = new Set(all.map((r) => r.arrived)).size === 1;
  if (!agree) console.log(`Different spans came through: ${all.map((r) => r.arrived).join('; ')}\n`);
  if (!agree || all.some((r) => r.lost !== 0 || !r.sameIds)) process.exitCode = 1;
}
if (chosen.has('idle')) {
  const results = await alternate((subject) => measureIdle(subject, SCENARIOS[1] as Scenario));
  for (const [subject, list] of results) console.log(idleLine(subject, list));
  compare(results, { ready: (r) => r.readySeconds, RSS: (r) => r.rssMiB });
}

async function alternate<T>(run: (subject: Subject) => Promise<T>): Promise<Map<Subject, T[]>> {
  const results = new Map<Subject, T[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      results.get(subject)!.push(await run(subject));
    }
  }
  return results;
}

function loadLine(scenario: string, subject: Subject, results: readonly Result[]): string {
  const of = (pick: (r: Result) => number) => median(results.map(pick));
  const lost = results.reduce((sum, r) => sum + r.lost, 0);
  return [
    scenario.padEnd(17),
    subject.name.padEnd(10),
    `CPU ${of((r) => r.cpuPerMillion).toFixed(2)}`.padEnd(10),
    `RSS ${of((r) => r.rssMiB).toFixed(0)} MiB`.padEnd(13),
    `${(of((r) => r.spansPerSecond) / 1000).toFixed(0)}k spans/s`.padEnd(15),
    `p50 ${of((r) => r.p50).toFixed(1)} p99 ${of((r) => r.p99).toFixed(1)} ms`.padEnd(24),
    `refused ${results.reduce((sum, r) => sum + r.refused, 0)}`,
    lost === 0 && results.every((r) => r.sameIds) ? 'nothing lost, same ids' : `LOST ${lost} or other ids`,
  ].join(' ');
}

function idleLine(subject: Subject, results: readonly IdleResult[]): string {
  const ready = median(results.map((r) => r.readySeconds)).toFixed(2);
  const rss = median(results.map((r) => r.rssMiB)).toFixed(0);
  return `${'idle'.padEnd(17)} ${subject.name.padEnd(10)} ready in ${ready} s, RSS ${rss} MiB`;
}

/** The ratio of the medians, first subject to second. */
function compare<T>(results: Map<Subject, T[]>, figures: Readonly<Record<string, (result: T) => number>>): void {
  const [first, second] = [...results.values()];
  if (first !== undefined && second !== undefined) {
    const ratios = Object.entries(figures).map(
      ([name, pick]) => `${name} ${(median(first.map(pick)) / median(second.map(pick))).toFixed(3)}`,
    );
    console.log(`${' '.repeat(17)} ratio      ${ratios.join('  ')}`);
  }
  console.log();
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function parseSubject(text: string): Subject {
  const split = text.indexOf('=');
  return { name: text.slice(0, split), command: text.slice(split + 1).split(' ') };
}

function defaultSubjects(): Subject[] {
  const main = join(fileURLToPath(new URL('../..', import.meta.url)), 'dist/cmd/weir/main.js');
  if (!existsSync(main)) throw new Error('nothing to measure: npm run build comes first');
  const reference = otelcolPath();
  const weir = { name: 'weir', command: [process.execPath, main] };
  if (reference === undefined) console.log('The reference collector is not built: npm run otelcol builds it.\n');
  return reference === undefined ? [weir] : [weir, { name: 'otelcol', command: [reference] }];
}
