/** What a command may touch. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A fault of how a command was called. */
export class UsageError extends Error {}
