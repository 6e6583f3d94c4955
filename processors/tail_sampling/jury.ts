import type { Settings } from '../../core/component.ts';
import type { Config } from './config.ts';
import type { TailSamplingMetrics } from './metrics.ts';
import type { NamedPolicy } from './policies/compile.ts';
import { Decision } from './policies/policy.ts';
import { TraceView } from './policies/trace-view.ts';
import { NONE } from './store/arena.ts';

/** Asks the policies about the trace in `view`. After each answer, `policy` is the index of the one that decided. */
export class Jury {
  readonly view = new TraceView();
  policy = NONE;
  readonly #settings: Settings;
  readonly #policies: readonly NamedPolicy[];
  readonly #metrics: TailSamplingMetrics;
  readonly #firstMatch: boolean;

  constructor(settings: Settings, config: Config, policies: readonly NamedPolicy[], metrics: TailSamplingMetrics) {
    this.#settings = settings;
    this.#policies = policies;
    this.#metrics = metrics;
    this.#firstMatch = config.sample_on_first_match;
  }

  /** All policies, those that drop first: dropped if one drops, else sampled if one samples, else not. */
  ask(): Decision {
    this.policy = NONE;
    const { clock } = this.#settings;
    let before = clock.monotonic();
    for (let i = 0; i < this.#policies.length; i++) {
      const decision = this.#askOne(i);
      const after = clock.monotonic();
      this.#metrics.executed(i, after - before);
      before = after;
      if (decision === Decision.PENDING) continue;
      this.#metrics.answered(i, decision, this.view.spanCount, this.view.sizeBytes);
      if (decision === Decision.DROPPED) {
        this.policy = i;
        return decision;
      }
      if (decision !== Decision.SAMPLED) continue;
      if (this.policy === NONE) this.policy = i;
      if (this.#firstMatch) break;
    }
    return this.policy === NONE ? Decision.NOT_SAMPLED : Decision.SAMPLED;
  }

  /**
   * Policies that can be asked before all spans are there, about some of them; PENDING where none decides. Once a
   * policy that drops has not, nothing is sampled: it may still drop when more is known.
   */
  askOnArrival(all: boolean): Decision {
    const { clock } = this.#settings;
    let mayDrop = false;
    for (const [i, { policy, isDrop }] of this.#policies.entries()) {
      if (mayDrop && !isDrop) break;
      if (!all && !policy.sticky) {
        mayDrop ||= isDrop;
        continue;
      }
      const before = clock.monotonic();
      const decision = this.#askOne(i);
      this.#metrics.executed(i, clock.monotonic() - before);
      const decides = decision === Decision.DROPPED || (decision === Decision.SAMPLED && !isDrop);
      if (decision !== Decision.PENDING && (all || decides)) {
        this.#metrics.answered(i, decision, this.view.spanCount, this.view.sizeBytes);
      }
      if (decides) {
        this.policy = i;
        return decision;
      }
      mayDrop ||= isDrop;
    }
    return Decision.PENDING;
  }

  /** PENDING where the policy failed. */
  #askOne(index: number): Decision {
    try {
      return (this.#policies[index] as NamedPolicy).policy.evaluate(this.view);
    } catch (error) {
      this.#metrics.failed();
      const fields = { policy: (this.#policies[index] as NamedPolicy).name, error: (error as Error).message };
      this.#settings.logger.debug('Sampling policy error', fields);
      return Decision.PENDING;
    }
  }
}
