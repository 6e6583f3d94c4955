const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 } as const;
/** From the largest to the smallest, the order in which they may be written. */
const UNITS = ['y', 'w', 'd', 'h', 'm', 's', 'ms'] as const;
/** Go keeps durations as int64 nanoseconds. */
const MAX_MS = 2 ** 63 / 1e6;

export type ParsedDuration = { readonly ms: number } | { readonly error: string };

/** Reads Prometheus's duration text (`30s`, `1h30m`, `15d`, `0`) with the words of its faults. Never negative. */
export function parsePrometheusDuration(text: string): ParsedDuration {
  if (text === '0') return { ms: 0 };
  if (text === '') return { error: 'empty duration string' };
  const invalid = { error: `not a valid duration string: ${JSON.stringify(text)}` };
  const part = /(\d+)(\D+)/y;
  let ms = 0;
  let last = -1;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) return invalid;
    const [, count = '', unit = ''] = match;
    const order = UNITS.indexOf(unit as (typeof UNITS)[number]);
    if (order < 0) return { error: `unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}` };
    if (order <= last) return invalid;
    last = order;
    ms += Number(count) * MS[UNITS[order] ?? 'ms'];
    if (ms > MAX_MS) return { error: 'duration out of range' };
  }
  return { ms };
}

/** Prometheus's text for a duration: `1h30m`, `15d`, `0s`. Years and weeks only where nothing is left over. */
export function formatPrometheusDuration(milliseconds: number): string {
  let ms = Math.trunc(milliseconds);
  if (ms === 0) return '0s';
  let text = '';
  for (const unit of UNITS) {
    const size = MS[unit];
    if ((unit === 'y' || unit === 'w') && ms % size !== 0) continue;
    const count = Math.floor(ms / size);
    if (count > 0) text += `${count}${unit}`;
    ms -= count * size;
  }
  return text;
}
