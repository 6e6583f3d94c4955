import type { Host } from '../component.ts';
import type { QueueConfig } from '../config/sections/queue.ts';
import type { RetryConfig } from '../config/sections/retry.ts';
import { PipelineError } from '../error.ts';
import type { Labels } from '../meter.ts';
import type { Signal } from '../signal.ts';
import { StatusCode } from '../status-code.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/**
 * The part of an exporter's configuration that the helper reads. A key that the exporter does not have is left out; a
 * `sending_queue` that the user switched off is there and undefined.
 */
export interface ExporterConfig {
  /** Milliseconds for one attempt; 0 or left out means no limit. */
  readonly timeout?: number;
  readonly retry_on_failure?: RetryConfig;
  readonly sending_queue?: QueueConfig | undefined;
}

export interface PushContext {
  /** Milliseconds that this attempt may take; 0 means no limit. */
  readonly timeoutMs: number;
  /** 0 for the first attempt. */
  readonly attempt: number;
  /** Aborted at the deadline. Only there where the helper keeps the deadline (see `ownDeadline`). */
  readonly abort?: AbortSignal;
}

/**
 * Sends one batch. It may read the batch until it returned or its promise settled and does not release it. It succeeds
 * or fails with a PipelineError, whose `permanent` and `retryAfterMs` decide what happens next; a PartialFailure
 * narrows a retry to what is left, and after a TooLargeError the batch is sent in parts.
 */
export type Push = (batch: Telemetry, context: PushContext) => void | Promise<void>;

export interface ExporterOptions {
  /** Runs before the first push; the exporter accepts nothing if it fails. */
  readonly start?: (host: Host) => void | Promise<void>;
  /** Runs once after the last push, also where start failed or was never called. */
  readonly shutdown?: () => void | Promise<void>;
  /** True when push itself fails with a DeadlineError after `timeoutMs`, so that the helper sets no timer. */
  readonly ownDeadline?: boolean;
  /** Further labels of the sent and failed counters, as `url_path`. */
  readonly labels?: (signal: Signal) => Labels;
}

/** A part of the batch was delivered; only `failed` is sent again. The helper takes over the reference to `failed`. */
export class PartialFailure extends PipelineError {
  readonly failed: Telemetry;

  constructor(message: string, failed: Telemetry, options: ConstructorParameters<typeof PipelineError>[1] = {}) {
    super(message, options);
    this.failed = failed;
  }
}

/** An attempt took longer than `timeout`. */
export class DeadlineError extends PipelineError {
  constructor(message = 'context deadline exceeded', options: { readonly cause?: unknown } = {}) {
    super(message, { ...options, code: StatusCode.DEADLINE_EXCEEDED });
  }
}

/** The peer takes no message of this size. The helper sends the batch in parts; alone an item cannot be delivered. */
export class TooLargeError extends PipelineError {
  /** The largest message that the peer takes, where it told. */
  readonly maxBytes: number | undefined;

  constructor(refusal: PipelineError, maxBytes?: number) {
    const { code, text, cause } = refusal;
    super(refusal.message, { code, text, permanent: true, cause: cause ?? refusal });
    this.maxBytes = maxBytes;
  }
}

/** There is no room; it may be sent again. */
export class QueueFullError extends PipelineError {
  constructor() {
    super('sending queue is full');
  }
}

/** The process stops, so there is no further attempt. */
export class ShutdownError extends PipelineError {
  constructor(cause: PipelineError) {
    super(`interrupted due to shutdown: ${cause.text}`, { cause, code: cause.code });
  }
}

/** Whether it was the end of the process, and no verdict on the data, that kept a batch from being delivered. */
export function isShutdown(error: unknown): boolean {
  if (error instanceof ShutdownError) return true;
  if (!(error instanceof PipelineError)) return false;
  return Array.isArray(error.cause) ? error.cause.some(isShutdown) : isShutdown(error.cause);
}
