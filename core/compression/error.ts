/** Compressed bytes that cannot be expanded. `tooLarge` where they are well formed but expand beyond the limit. */
export class DecompressError extends Error {
  override readonly name = 'DecompressError';
  readonly tooLarge: boolean;

  constructor(message: string, options: { readonly tooLarge?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.tooLarge = options.tooLarge ?? false;
  }

  static tooLarge(limit: number): DecompressError {
    return new DecompressError(`decompressed size exceeds ${limit} bytes`, { tooLarge: true });
  }
}
