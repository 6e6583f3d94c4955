import type { Checkpointed } from '../checkpoint.ts';
import type { Clock } from '../clock.ts';

/** At the end, results under way are not waited for longer than about this. */
const LONGEST_LAST_WAIT_MS = 1_000;

/**
 * Undefined where no results of the partition are under way. Otherwise waits until there are none; false where the
 * partition is closed before.
 */
export function settle(
  states: readonly Checkpointed[],
  partition: string,
  clock: Clock,
  isClosing: () => boolean,
): Promise<boolean> | undefined {
  const underWay = () => states.flatMap((state) => state.settled?.(partition) ?? []);
  const first = underWay();
  return first.length === 0 ? undefined : wait(first, underWay, clock, isClosing);
}

async function wait(
  first: readonly Promise<void>[],
  underWay: () => readonly Promise<void>[],
  clock: Clock,
  isClosing: () => boolean,
): Promise<boolean> {
  for (let waiting = first; waiting.length > 0; waiting = underWay()) {
    const wasClosing = isClosing();
    const time = Promise.withResolvers<boolean>();
    const timer = clock.after(LONGEST_LAST_WAIT_MS, () => time.resolve(true));
    const isLate = await Promise.race([time.promise, Promise.all(waiting).then(() => false)]);
    timer.cancel();
    if (isLate && wasClosing) return false;
  }
  return true;
}
