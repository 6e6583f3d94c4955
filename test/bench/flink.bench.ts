/**
 * CPU beside Apache Flink: sliding windows (1 min every 30 s; count, sum, average, least, greatest, p95, p99) over
 * 10,000 series, and the pattern SESSION_ANOMALY over 100,000 users, on the same events; results are compared. Both
 * read metrics from encoded OTLP. Business events Flink gets as objects; weir reads OTLP, and writes all its results
 * as such. Run: `node --expose-gc test/bench/flink.bench.ts [ROUNDS]`.
 */
import { flink, type Outcome, ours } from '../services/flink.ts';
import { pattern, type Work, windows } from '../services/flink-works.ts';

const perEvent = ({ events, cpuSeconds }: Outcome): number => (cpuSeconds / events) * 1e6;
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function compare(work: Work, rounds: number): Promise<void> {
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [we, they] = [await ours(work), flink(work)];
    if (we.results !== they.results || we.counted !== they.counted) {
      throw new Error(`${work.name}: ${JSON.stringify(we)} instead of ${JSON.stringify(they)}`);
    }
    ratios.push(we.cpuSeconds / they.cpuSeconds);
    const each = `weir ${perEvent(we).toFixed(2)} us an event, Flink ${perEvent(they).toFixed(2)} us`;
    console.log(`  ${work.name}: ${each}, ${we.results} results of ${we.counted} events`);
  }
  console.log(`${work.name}: ${median(ratios).toFixed(2)} times the CPU of Flink`);
}

const rounds = Number(process.argv[2] ?? 3);
await compare(windows(), rounds);
await compare(pattern(), rounds);
