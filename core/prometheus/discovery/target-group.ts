import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';

/** Targets that one discovery found together, with the labels they share (`__meta_…`, `__address__`). */
export interface TargetGroup {
  /** Names the group within its discoverer; the next group with this name replaces it. */
  readonly source: string;
  /** Labels of each target. They win over the shared ones. */
  readonly targets: readonly ReadonlyMap<string, string>[];
  readonly labels: ReadonlyMap<string, string>;
}

/** Finds targets until it is closed. */
export interface Discoverer {
  /**
   * Calls `update` with the groups that are new or changed; one without targets takes its source away. Faults are
   * logged and tried again, and what was found before stays.
   */
  run(update: (groups: readonly TargetGroup[]) => void): void | Promise<void>;
  /** Ends all that `run` started; `update` is not called afterwards. Safe before `run` and when repeated. */
  close(): Promise<void>;
}

export interface DiscoveryEnvironment {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** What the requests of the discovery say of themselves. */
  readonly userAgent: string;
}

export type DiscovererFactory<Config> = (config: Config, environment: DiscoveryEnvironment) => Discoverer;
