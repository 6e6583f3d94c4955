/**
 * Thresholds and their complements have 56 bits.
 * Source: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */
const ALL = 1n << 56n;
const THRESHOLD_DIGITS = 14;

/** Limits of https://www.w3.org/TR/trace-context/#tracestate-header, with the member count as the collector has it. */
const LONGEST_STATE = 1024;
const MOST_MEMBERS = 31;
const LONGEST_OTEL_VALUE = 256;
const SIMPLE_KEY = /^[a-z][a-z0-9_\-*/]{0,255}$/;
const TENANT_KEY = /^[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const OTEL_MEMBER = /^([a-z][a-z0-9]*):([A-Za-z0-9._-]*)$/;

/**
 * How many spans a span stands for that was sampled with the probability in its `tracestate` (`ot=th:…`): the inverse
 * of it, rounded up or down by chance so that sums come out right. Undefined where the state says nothing, or is not
 * valid in any part.
 */
export function adjustedCount(traceState: string, random: () => number): number | undefined {
  const threshold = thresholdOf(traceState);
  if (threshold === undefined) return undefined;
  const kept = ALL - threshold;
  const remainder = Number(ALL % kept);
  const roundUp = remainder > 0 && random() < remainder / Number(kept);
  return Number(ALL / kept) + (roundUp ? 1 : 0);
}

function thresholdOf(traceState: string): bigint | undefined {
  if (traceState.length > LONGEST_STATE || !traceState.includes('ot=')) return undefined;
  const members = traceState.split(',');
  if (members.length > MOST_MEMBERS) return undefined;
  let threshold: bigint | undefined;
  for (const padded of members) {
    const member = padded.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member === '') continue;
    const equals = member.indexOf('=');
    const key = member.slice(0, equals);
    const value = member.slice(equals + 1);
    if (equals < 1 || !(SIMPLE_KEY.test(key) || TENANT_KEY.test(key)) || !VALUE.test(value)) return undefined;
    if (key !== 'ot') continue;
    const otel = otelThreshold(value);
    if (otel === 'invalid') return undefined;
    threshold = otel;
  }
  return threshold;
}

function otelThreshold(value: string): bigint | undefined | 'invalid' {
  if (value.length > LONGEST_OTEL_VALUE) return 'invalid';
  let threshold: bigint | undefined;
  for (const member of value.split(';')) {
    const [, key, digits = ''] = OTEL_MEMBER.exec(member) ?? [];
    if (key === undefined) return 'invalid';
    if (key !== 'th' && key !== 'rv') continue;
    if (!/^[0-9a-fA-F]{1,14}$/.test(digits)) return 'invalid';
    if (key === 'rv' && digits.length !== THRESHOLD_DIGITS) return 'invalid';
    if (key === 'th') threshold = BigInt(`0x${digits.padEnd(THRESHOLD_DIGITS, '0')}`);
  }
  return threshold;
}
