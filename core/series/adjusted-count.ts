import { TraceState } from '../sampling/trace-state.ts';

/**
 * Thresholds and their complements have 56 bits.
 * Source: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */
const ALL = 1n << 56n;

const state = new TraceState();

/**
 * How many spans a span stands for that was sampled with the probability in its `tracestate` (`ot=th:…`): the inverse
 * of it, rounded up or down by chance so that sums come out right. Undefined where the state says nothing, or is not
 * valid in any part.
 */
export function adjustedCount(traceState: string, random: () => number): number | undefined {
  const bytes = Buffer.from(traceState);
  if (!state.parse(bytes, 0, bytes.length) || !state.hasThreshold) return undefined;
  const { high, low } = state.threshold;
  const kept = ALL - (BigInt(high) << 28n) - BigInt(low);
  const remainder = Number(ALL % kept);
  const roundUp = remainder > 0 && random() < remainder / Number(kept);
  return Number(ALL / kept) + (roundUp ? 1 : 0);
}
