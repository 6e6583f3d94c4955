const NANOS_PER_MS = 1_000_000n;
/** In the year 2554 the nanoseconds of OTLP end, which have 64 bits. */
const MOST_MILLIS = Number(2n ** 64n / NANOS_PER_MS) - 1;

/** Milliseconds since the Unix epoch as nanoseconds; 0, no time, for what lies before it or cannot be said in them. */
export function nanosOf(millis: number): bigint {
  return millis > 0 && millis <= MOST_MILLIS ? BigInt(Math.trunc(millis)) * NANOS_PER_MS : 0n;
}
