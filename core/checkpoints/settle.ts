import type { Checkpointed } from '../checkpoint.ts';
import type { Clock } from '../clock.ts';

/** At the end, results under way are not waited for longer than about this. */
const LONGEST_LAST_WAIT_MS = 1_000;

/**
 * Undefined where no results of the partition are under way. Otherwise waits for those that are, for some time; false
 * where the partition is closed before. Then ask again: others may have begun meanwhile, however little time it was.
 */
export function settle(
  states: readonly Checkpointed[],
  partition: string,
  clock: Clock,
  isClosing: boolean,
): Promise<boolean> | undefined {
  const underWay = states.flatMap((state) => state.settled?.(partition) ?? []);
  return underWay.length === 0 ? undefined : wait(underWay, clock, isClosing);
}

async function wait(underWay: readonly Promise<void>[], clock: Clock, isClosing: boolean): Promise<boolean> {
  const time = Promise.withResolvers<boolean>();
  const timer = clock.after(LONGEST_LAST_WAIT_MS, () => time.resolve(true));
  const isLate = await Promise.race([time.promise, Promise.all(underWay).then(() => false)]);
  timer.cancel();
  return !(isLate && isClosing);
}
