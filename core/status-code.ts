/**
 * gRPC status codes. They are the one vocabulary for outcomes in the whole process: a receiver maps them to
 * its protocol, an exporter maps its protocol to them.
 * Source: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
 */
export const StatusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

const NAMES = Object.keys(StatusCode) as (keyof typeof StatusCode)[];

/** `UNAVAILABLE` for 14; a code outside the list is UNKNOWN, as gRPC clients treat it. */
export function statusName(code: number): keyof typeof StatusCode {
  return NAMES[code] ?? 'UNKNOWN';
}

/** `DeadlineExceeded`: the name as Go spells it. */
export function goStatusName(code: number): string {
  const name = statusName(code);
  if (name === 'OK') return name;
  // American in Go, British in gRPC
  if (name === 'CANCELLED') return 'Canceled';
  return name.replace(/_?([A-Z])([A-Z]*)/g, (_, first: string, rest: string) => first + rest.toLowerCase());
}

/** A status as Go prints it, which is what the collector's users search their logs for. */
export function statusText(code: StatusCode, message: string): string {
  return `rpc error: code = ${goStatusName(code)} desc = ${message}`;
}
