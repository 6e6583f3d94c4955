import { canonical, type Json } from './normalise.ts';

const TOLERANCE = 1e-9;
const SHOWN = 160;

/** The first difference between two documents as one line; undefined where they agree. */
export function diff(want: Json, got: Json, path: string, tolerance = TOLERANCE): string | undefined {
  if (Array.isArray(want) && Array.isArray(got)) return diffLists(want, got, path, tolerance);
  if (isObject(want) && isObject(got)) {
    for (const key of Object.keys(want)) {
      if (!(key in got)) return `${path}.${key} missing (expected ${short(want[key])})`;
    }
    for (const key of Object.keys(got)) {
      if (!(key in want)) return `${path}.${key} unexpected (${short(got[key])})`;
    }
    for (const key of Object.keys(want)) {
      const d = diff(want[key], got[key], `${path}.${key}`, tolerance);
      if (d !== undefined) return d;
    }
    return undefined;
  }
  if (want === got || nearlyEqual(want, got, tolerance)) return undefined;
  return `${path} is ${short(got)}, expected ${short(want)}`;
}

function diffLists(want: Json[], got: Json[], path: string, tolerance: number): string | undefined {
  if (want.length !== got.length) {
    const expected = new Set(want.map(canonical));
    const found = new Set(got.map(canonical));
    const missing = want.find((v) => !found.has(canonical(v)));
    const extra = got.find((v) => !expected.has(canonical(v)));
    const details = [
      missing === undefined ? '' : `; missing ${short(missing)}`,
      extra === undefined ? '' : `; unexpected ${short(extra)}`,
    ].join('');
    return `${path} has ${got.length} entries, expected ${want.length}${details}`;
  }
  for (const [i, value] of want.entries()) {
    const d = diff(value, got[i], `${path}[${i}]`, tolerance);
    if (d !== undefined) return d;
  }
  return undefined;
}

/** Whether `got` has everything that `want` names; further fields are allowed. The path of the first lack. */
export function lacks(want: Json, got: Json, path = 'body'): string | undefined {
  if (!isObject(want) || !isObject(got)) return diff(want, got, path);
  for (const [key, value] of Object.entries(want)) {
    if (!(key in got)) return `${path}.${key} missing`;
    const d = lacks(value, got[key], `${path}.${key}`);
    if (d !== undefined) return d;
  }
  return undefined;
}

export function short(value: Json): string {
  const text = canonical(value) ?? 'undefined';
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

function isObject(v: Json): boolean {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function nearlyEqual(a: Json, b: Json, tolerance: number): boolean {
  const x = toNumber(a);
  const y = toNumber(b);
  if (x === undefined || y === undefined) return false;
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return true;
  return Number.isFinite(x) && Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x), Math.abs(y));
}

/** OTLP/JSON writes some doubles as words. */
function toNumber(v: Json): number | undefined {
  if (typeof v === 'number') return v;
  return typeof v === 'string' && /^(NaN|-?Infinity)$/.test(v) ? Number(v) : undefined;
}
