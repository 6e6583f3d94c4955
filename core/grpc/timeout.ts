/** Milliseconds of each unit of `grpc-timeout`. */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
/** The value has at most 8 digits. */
const MAX_VALUE = 99_999_999;

/**
 * Reads a `grpc-timeout` as milliseconds; undefined where it is malformed.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function parseTimeout(value: string): number | undefined {
  const match = TIMEOUT.exec(value);
  return match === null ? undefined : Number(match[1]) * UNITS[match[2]!]!;
}

/** Writes milliseconds as a `grpc-timeout`, rounded up in the finest unit that fits. */
export function formatTimeout(ms: number): string {
  for (const unit of ['u', 'm', 'S', 'M']) {
    const value = Math.ceil(ms / UNITS[unit]!);
    if (value <= MAX_VALUE) return `${value}${unit}`;
  }
  return `${Math.min(MAX_VALUE, Math.ceil(ms / UNITS.H!))}H`;
}
