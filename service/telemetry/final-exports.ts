import type { Clock } from '../../core/clock.ts';

/** A server that does not answer must not keep the process from ending; what it has not taken by then is lost. */
const FINAL_EXPORT_MS = 5000;

/** Waits for the last exports, but not longer than a process manager would. */
export async function finalExports(clock: Clock, exports: readonly Promise<void>[]): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(FINAL_EXPORT_MS, resolve);
  await Promise.race([Promise.all(exports), over]);
  timer.cancel();
}
