export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured log of one component. The message is a sentence without values, the values are fields; an error goes
 * under the key `error`. What happens per request is counted, not logged. Secrets print as `[REDACTED]` by themselves.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** True where a debug line would be written; asks before building expensive fields. */
  readonly debugEnabled: boolean;
  /** The same log with more fields on each line. */
  with(fields: LogFields): Logger;
}
