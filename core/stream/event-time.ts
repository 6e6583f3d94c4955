import type { LogRecordReader } from '../otlp/readers/log-record.ts';

/** 2^32 nanoseconds are so many milliseconds and nanoseconds. */
const HIGH_MILLIS = 4294;
const HIGH_NANOS = 967_296;
const NANOS_PER_MILLI = 1_000_000;

/** Nanoseconds since the Unix epoch (fixed64) as whole milliseconds, exact, without a bigint. */
function millisAt(buffer: Buffer, at: number): number {
  const low = buffer.readUInt32LE(at);
  const high = buffer.readUInt32LE(at + 4);
  return high * HIGH_MILLIS + Math.floor((high * HIGH_NANOS + low) / NANOS_PER_MILLI);
}

/** The time of an item in milliseconds, 0 where it says none. `timeAt`: of a reader, -1 for none. */
export function eventTime(buffer: Buffer, timeAt: number): number {
  return timeAt < 0 ? 0 : millisAt(buffer, timeAt);
}

/** When it happened, else when it was seen, as the log data model has it; 0 for neither. */
export function logEventTime({ buffer, timeAt, observedTimeAt }: LogRecordReader): number {
  return eventTime(buffer, timeAt) || eventTime(buffer, observedTimeAt);
}

/** As a protobuf time: what lies before 1970, as the begin of a window may, is 1970. */
export function nanosOf(millis: number): bigint {
  return BigInt(Math.max(millis, 0)) * BigInt(NANOS_PER_MILLI);
}
