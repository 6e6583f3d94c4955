import type { Parts } from './schema.ts';

const SECOND = 1_000_000_000n;
/** Years 1 to 9999, as protobuf has it. */
const FIRST_SECOND = -62_135_596_800n;
const AFTER_LAST_SECOND = 253_402_300_800n;

/** Nanoseconds since 1970, none where there is no time. Throws where it is out of the range that protobuf sets. */
export function timeOf(parts: Parts | undefined): bigint {
  if (parts === undefined) return 0n;
  const { seconds, nanos } = parts;
  if (seconds < FIRST_SECOND || seconds >= AFTER_LAST_SECOND) throw new Error(`bad Timestamp: ${seconds} seconds`);
  if (nanos < 0 || nanos >= 1e9) throw new Error(`bad Timestamp: ${nanos} nanoseconds`);
  return seconds * SECOND + BigInt(nanos);
}

/** In nanoseconds, of which an int64 has to hold all. */
export function durationOf(parts: Parts | undefined): bigint {
  if (parts === undefined) return 0n;
  const { seconds, nanos } = parts;
  const total = seconds * SECOND + BigInt(nanos);
  const mixed = (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0);
  if (mixed || Math.abs(nanos) >= 1e9 || BigInt.asIntN(64, total) !== total) {
    throw new Error(`bad Duration: ${seconds} seconds and ${nanos} nanoseconds`);
  }
  return total;
}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** RFC 3339, to the nanosecond; further digits are cut off. */
export function parseTime(text: string): bigint {
  const match = RFC_3339.exec(text);
  const millis = match === null ? Number.NaN : Date.parse(`${text.slice(0, 19)}Z`);
  // the clock of Date wraps a 30th of February to March
  if (match === null || Number.isNaN(millis) || !new Date(millis).toISOString().startsWith(text.slice(0, 19))) {
    throw new Error(`bad Timestamp: ${JSON.stringify(text)}`);
  }
  const [, , , , , , , fraction = '', sign, hours, minutes] = match;
  const offset = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60 : 60);
  return BigInt(millis / 1000 - offset) * SECOND + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

/** `1970-01-01T00:00:00.000000001Z`: no digits, three, six or nine. */
export function timeJson(unixNanos: bigint): string {
  const nanos = ((unixNanos % SECOND) + SECOND) % SECOND;
  const whole = new Date(Number((unixNanos - nanos) / SECOND) * 1000).toISOString().slice(0, 19);
  return `${whole}${fractionText(nanos)}Z`;
}

/** `-1.500s`, in the same digits. */
export function durationJson(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  return `${nanos < 0n ? '-' : ''}${size / SECOND}${fractionText(size % SECOND)}s`;
}

function fractionText(nanos: bigint): string {
  if (nanos === 0n) return '';
  return `.${nanos
    .toString()
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '')}`;
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
};

/** As Go writes durations: `1.5s`, `1h2m`, `-3ms`. */
export function parseDuration(text: string): bigint {
  const body = text.replace(/^[+-]/, '');
  const terms = [...body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)];
  const read = terms.map(([term]) => term).join('');
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of terms) {
    if (whole === '' && fraction === '') throw new Error(`bad Duration: ${JSON.stringify(text)}`);
    const size = UNITS[unit] as bigint;
    nanos += BigInt(whole || 0) * size + (BigInt(fraction || 0) * size) / 10n ** BigInt(fraction.length);
  }
  const signed = text.startsWith('-') ? -nanos : nanos;
  if (body !== '0' && (read !== body || read === '' || BigInt.asIntN(64, signed) !== signed)) {
    throw new Error(`bad Duration: ${JSON.stringify(text)}`);
  }
  return signed;
}
