/** Nanoseconds of each unit of Go's duration text. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const NANOS_PER_MS = 1e6;
/** Go keeps durations as int64 nanoseconds; text beyond is refused. */
const MAX_NANOS = 2n ** 63n;

export type ParsedDuration = { readonly ms: number } | { readonly error: string };

/** Reads Go's duration text (`1.5h`, `2h45m`, `-3s`, `300ms`, `0`) with the words of Go's own faults. */
export function parseDuration(text: string): ParsedDuration {
  const negative = text.startsWith('-');
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === '0') return { ms: 0 };
  const part = /(\d*)(\.\d*)?([^\d.]*)/y;
  if (body === '') return { error: 'time: invalid duration' };
  let nanos = 0n;
  while (part.lastIndex < body.length) {
    const match = part.exec(body);
    const [, whole = '', fraction = '', unit = ''] = match ?? [];
    if (whole === '' && (fraction === '' || fraction === '.')) return { error: 'time: invalid duration' };
    if (unit === '') return { error: 'time: missing unit in duration' };
    const size = UNITS[unit];
    if (size === undefined) return { error: 'time: unknown unit' };
    // The fraction on its own, cut to whole nanoseconds as Go does: 0.1ms is not 99999.999… ns.
    const fractionNanos = fraction.length > 1 ? Math.floor(Number((Number(`0${fraction}`) * size).toPrecision(15))) : 0;
    nanos += BigInt(whole) * BigInt(size) + BigInt(fractionNanos);
    if (nanos > MAX_NANOS) return { error: 'time: invalid duration' };
  }
  if (nanos === MAX_NANOS && !negative) return { error: 'time: invalid duration' };
  return { ms: ((negative ? -1 : 1) * Number(nanos)) / NANOS_PER_MS };
}

/** Go's text for a duration: `1m30s`, `200ms`, `1.5µs`, `0s`. */
export function formatDuration(ms: number): string {
  const nanos = Math.round(Math.abs(ms) * NANOS_PER_MS);
  const sign = ms < 0 ? '-' : '';
  if (nanos === 0) return '0s';
  if (nanos < 1e3) return `${sign}${nanos}ns`;
  if (nanos < 1e6) return `${sign}${nanos / 1e3}µs`;
  if (nanos < 1e9) return `${sign}${nanos / 1e6}ms`;
  const hours = Math.floor(nanos / 3600e9);
  const minutes = Math.floor((nanos % 3600e9) / 60e9);
  const seconds = `${(nanos % 60e9) / 1e9}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}
