/** What a command may touch. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  stdout(text: string): void;
  stderr(text: string): void;
  /** Resolves when standard output has taken it; rejects when nobody reads there any more. */
  write(bytes: Uint8Array): Promise<void>;
}

/** A fault of how a command was called. */
export class UsageError extends Error {}
