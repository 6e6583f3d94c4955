import type { PolicyConfig } from '../config.ts';
import { Decision, type Policy, sampledIf } from './policy.ts';
import { parseTraceState } from './trace-state.ts';
import type { TraceView } from './trace-view.ts';

const TWO_32 = 0x1_0000_0000;
const NANOS_PER_MILLI = 1e6;
/** What a Go duration is cut at. */
const LONGEST_DURATION = 2 ** 63;
/** Key and value of a member together; longer ones are never looked for. */
const LONGEST_MEMBER = 256;
const FLAG_SAMPLED = 1;
const CODES: Readonly<Record<string, number>> = { UNSET: 0, OK: 1, ERROR: 2 };

export const alwaysSample: Policy = { stateful: false, sticky: true, evaluate: () => Decision.SAMPLED };

/** Samples a trace that has a span with one of the status codes. */
export function statusCode(config: PolicyConfig['status_code']): Policy {
  if (config.status_codes.length === 0) throw new Error('expected at least one status code to filter on');
  const wanted = config.status_codes.map((name) => {
    const code = Object.hasOwn(CODES, name) ? CODES[name] : undefined;
    if (code !== undefined) return code;
    throw new Error(`unknown status code ${JSON.stringify(name)}, supported: OK, ERROR, UNSET`);
  });
  return {
    stateful: false,
    sticky: true,
    evaluate(trace) {
      trace.readSpans();
      for (let i = 0; i < trace.spans; i++) if (wanted.includes(trace.status[i] as number)) return Decision.SAMPLED;
      return Decision.NOT_SAMPLED;
    },
  };
}

/** Samples a trace with a span that has the W3C flag "sampled". */
export const traceFlags: Policy = {
  stateful: false,
  sticky: true,
  evaluate(trace) {
    trace.readSpans();
    for (let i = 0; i < trace.spans; i++) {
      if (((trace.flags[i] as number) & FLAG_SAMPLED) !== 0) return Decision.SAMPLED;
    }
    return Decision.NOT_SAMPLED;
  },
};

/** Samples a trace with a span whose W3C trace state has one of the values at the key. */
export function traceState(config: PolicyConfig['trace_state']): Policy {
  const { key } = config;
  const keyLength = Buffer.byteLength(key);
  const fits = (value: string) => value !== '' && keyLength + Buffer.byteLength(value) < LONGEST_MEMBER;
  const wanted = new Set(config.values.filter(fits));
  return {
    stateful: false,
    sticky: true,
    evaluate(trace) {
      trace.readSpans();
      for (let i = 0; i < trace.spans; i++) {
        const value = parseTraceState(trace.traceState(i))?.get(key);
        if (value !== undefined && wanted.has(value)) return Decision.SAMPLED;
      }
      return Decision.NOT_SAMPLED;
    },
  };
}

/** Samples by the number of spans; a maximum of 0 is none. */
export function spanCount(config: PolicyConfig['span_count']): Policy {
  const { min_spans: min, max_spans: max } = config;
  return {
    stateful: max > 0,
    sticky: max === 0,
    evaluate: (trace) => sampledIf(trace.spanCount >= min && (max === 0 || trace.spanCount <= max)),
  };
}

/**
 * Samples by the time from the earliest start to the latest end, in whole milliseconds. It is looked at after each
 * span, so with an upper threshold a trace counts that was short enough at some point.
 */
export function latency(config: PolicyConfig['latency']): Policy {
  const { threshold_ms: lower, upper_threshold_ms: upper } = config;
  const matches = upper === 0 ? (ms: number) => ms >= lower : (ms: number) => lower < ms && ms <= upper;
  return {
    stateful: upper > 0,
    sticky: upper === 0,
    evaluate: (trace) => sampledIf(lasts(trace, matches)),
  };
}

function lasts(trace: TraceView, matches: (ms: number) => boolean): boolean {
  trace.readSpans();
  const { startLow, startHigh, endLow, endHigh } = trace;
  let minLow = 0;
  let minHigh = 0;
  let maxLow = 0;
  let maxHigh = 0;
  for (let i = 0; i < trace.spans; i++) {
    const sLow = startLow[i] as number;
    const sHigh = startHigh[i] as number;
    const eLow = endLow[i] as number;
    const eHigh = endHigh[i] as number;
    // a time of 0 is one that was not set
    const unset = minLow === 0 && minHigh === 0;
    if (unset || sHigh < minHigh || (sHigh === minHigh && sLow < minLow)) {
      minLow = sLow;
      minHigh = sHigh;
    }
    if (eHigh > maxHigh || (eHigh === maxHigh && eLow > maxLow)) {
      maxLow = eLow;
      maxHigh = eHigh;
    }
    // as signed numbers, which is how the collector sees times beyond the year 2262
    const nanos = ((maxHigh | 0) - (minHigh | 0)) * TWO_32 + (maxLow - minLow);
    const cut = Math.min(Math.max(nanos, -LONGEST_DURATION), LONGEST_DURATION);
    if (matches(Math.trunc(cut / NANOS_PER_MILLI))) return true;
  }
  return false;
}
