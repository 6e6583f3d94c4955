import type { Clock } from '../clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { DeadlineError, type Push, type PushContext } from './types.ts';

/**
 * A push that fails at its deadline, for exporters that cannot keep one themselves. The push behind it is told by
 * `abort` and may take longer to end; it keeps the batch alive until then.
 */
export function withDeadline(push: Push, clock: Clock): Push {
  return (batch, context) => (context.timeoutMs > 0 ? pushUntil(push, clock, batch, context) : push(batch, context));
}

function pushUntil(push: Push, clock: Clock, batch: Telemetry, context: PushContext): void | Promise<void> {
  const controller = new AbortController();
  const running = push(batch, { ...context, abort: controller.signal });
  if (running === undefined) return;
  batch.retain();
  return new Promise<void>((resolve, reject) => {
    const timer = clock.after(context.timeoutMs, () => {
      const error = new DeadlineError();
      reject(error);
      controller.abort(error);
    });
    const end = () => {
      timer.cancel();
      batch.release();
    };
    running.then(
      () => {
        end();
        resolve();
      },
      (error) => {
        end();
        reject(error);
      },
    );
  });
}
