import { StatusCode, statusText } from './status-code.ts';

export interface PipelineErrorOptions {
  /** Set where a peer's gRPC status is carried through; otherwise it follows from `permanent`. */
  readonly code?: StatusCode;
  /** Sending the same data again cannot succeed. */
  readonly permanent?: boolean;
  /** The peer asked not to be called again before so many milliseconds have passed. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
  /** What logs say, where it is not the message with `Permanent error: ` before that of a permanent error. */
  readonly text?: string;
}

/** What a peer answered. */
type PeerAnswer = Omit<PipelineErrorOptions, 'text'> & { readonly code: StatusCode };

/** The collector's mark of an error that no retry can heal. */
const PERMANENT = 'Permanent error: ';

/**
 * Why a batch was not accepted. The one error of the data plane: it decides retry in exporters and the HTTP and
 * gRPC status in receivers. A permanent error without a status of its own is INTERNAL, any other UNAVAILABLE,
 * which is what a collector client sees for them.
 */
export class PipelineError extends Error {
  override readonly name = 'PipelineError';
  readonly code: StatusCode;
  /** True where the code is the status that a peer answered, false where it follows from `permanent`. */
  readonly hasStatus: boolean;
  readonly permanent: boolean;
  readonly retryAfterMs: number | undefined;
  /** The error as the collector's log has it. */
  readonly text: string;
  /** Set by the graph when the error passed a component on its way up: who refused, e.g. `exporter otlp/eu`. */
  component: string | undefined;

  constructor(message: string, options: PipelineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.permanent = options.permanent ?? false;
    this.hasStatus = options.code !== undefined;
    this.code = options.code ?? (this.permanent ? StatusCode.INTERNAL : StatusCode.UNAVAILABLE);
    this.retryAfterMs = options.retryAfterMs;
    this.text = options.text ?? (this.permanent ? PERMANENT + message : message);
  }

  /** What the sender of the data is told: the peer's own words as long as a retry may help, else all that is known. */
  get answer(): string {
    return this.permanent ? this.text : this.message;
  }

  /** The error for a status that a peer answered, worded as the collector words it. */
  static ofStatus(message: string, options: PeerAnswer): PipelineError {
    const text = statusText(options.code, message);
    return new PipelineError(message, { ...options, text: options.permanent === true ? PERMANENT + text : text });
  }

  /** Total: anything caught becomes a PipelineError. An unknown exception is a defect of ours, so it is permanent. */
  static from(caught: unknown): PipelineError {
    if (caught instanceof PipelineError) return caught;
    if (isOfAnotherCopy(caught)) {
      const { message, code, hasStatus, permanent, retryAfterMs, text } = caught;
      const options = { permanent, text, cause: caught, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
      return new PipelineError(message, hasStatus ? { ...options, code } : options);
    }
    const message = caught instanceof Error ? caught.message : String(caught);
    return new PipelineError(message, { permanent: true, cause: caught });
  }

  /** One error for several refusals of the same batch: permanent only when every one of them is. */
  static join(errors: readonly PipelineError[]): PipelineError {
    const [first] = errors;
    if (first === undefined) throw new Error('join needs at least one error');
    if (errors.length === 1) return first;
    const worst = errors.find((e) => !e.permanent) ?? first;
    const retry = errors.map((e) => e.retryAfterMs ?? 0);
    const text = errors.map((e) => e.text).join('; ');
    return new PipelineError(text, {
      text,
      code: worst.code,
      permanent: worst.permanent,
      ...(Math.max(...retry) > 0 ? { retryAfterMs: Math.max(...retry) } : {}),
      cause: errors,
    });
  }
}

/** A plugin may bring core files of its own, so that its class is not this one; what it says counts all the same. */
function isOfAnotherCopy(caught: unknown): caught is PipelineError {
  return caught instanceof Error && 'permanent' in caught && 'hasStatus' in caught;
}
