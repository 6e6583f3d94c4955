import type { Consumer } from '../../consumer.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { Rewriter } from './rewriter.ts';

/**
 * Rewrites a batch and hands on what it becomes; one that is left without items is not handed on, and counts as
 * accepted. The batch is released where rewriting fails.
 */
export function rewriteThen(rewriter: Rewriter, batch: Telemetry, next: Consumer): void | Promise<void> {
  let rewritten: Telemetry;
  try {
    rewritten = rewriter.rewrite(batch);
  } catch (error) {
    batch.release();
    throw error;
  }
  if (rewritten.items > 0 || batch.items === 0) return next.consume(rewritten);
  rewritten.release();
}
