import type { Clock } from '../../core/clock.ts';
import type { ZPageSection } from '../../core/zpages.ts';
import { Decision } from './policies/policy.ts';
import { NONE } from './store/arena.ts';
import { ID_LENGTH } from './store/trace-id.ts';

/** Decisions that the page shows: enough to find out what goes on, few enough to read. */
const SHOWN = 200;

/** Why a trace was decided when it was. */
export const Reason = {
  WAITED: 'decision_wait is over',
  ROOT: 'decision_wait_after_root_received is over',
  EARLY: 'no further span can change it',
  INGEST: 'span-ingest',
  SHUTDOWN: 'shutdown',
  TOO_LARGE: 'larger than maximum_trace_size_bytes',
  TOO_MANY: 'given up: more than num_traces',
  NO_MEMORY: 'given up: more than maximum_pending_bytes',
} as const;
export type Reason = (typeof Reason)[keyof typeof Reason];

const WORDS: Readonly<Record<Decision, string>> = {
  [Decision.PENDING]: 'given up',
  [Decision.SAMPLED]: 'sampled',
  [Decision.NOT_SAMPLED]: 'not sampled',
  [Decision.DROPPED]: 'dropped',
};

/** The last decisions, for the zpages extension. Keeping them makes no objects; text is made when somebody looks. */
export class Audit implements ZPageSection {
  readonly page = 'tailsamplingz';
  readonly title = `Last ${SHOWN} decisions`;
  readonly columns = ['Trace id', 'Decision', 'Policy', 'Reason', 'Spans', 'Age (s)', 'Decided'];
  readonly #clock: Clock;
  readonly #policies: readonly string[];
  readonly #ids = Buffer.alloc(SHOWN * ID_LENGTH);
  readonly #decisions = new Uint8Array(SHOWN);
  readonly #chosenBy = new Int16Array(SHOWN);
  readonly #reasons: Reason[] = [];
  readonly #spans = new Float64Array(SHOWN);
  readonly #ages = new Float64Array(SHOWN);
  readonly #times = new Float64Array(SHOWN);
  #count = 0;

  constructor(clock: Clock, policies: readonly string[]) {
    this.#clock = clock;
    this.#policies = policies;
  }

  /** Where the caller writes the id of the next decision, before `add`. */
  get ids(): Buffer {
    return this.#ids;
  }
  get idAt(): number {
    return (this.#count % SHOWN) * ID_LENGTH;
  }

  add(decision: Decision, policy: number, reason: Reason, spans: number, ageMillis: number): void {
    const row = this.#count++ % SHOWN;
    this.#decisions[row] = decision;
    this.#chosenBy[row] = policy;
    this.#reasons[row] = reason;
    this.#spans[row] = spans;
    this.#ages[row] = ageMillis;
    this.#times[row] = this.#clock.now();
  }

  /** The newest first. */
  *rows(): Generator<(string | number)[]> {
    for (let i = this.#count - 1; i >= Math.max(0, this.#count - SHOWN); i--) {
      const row = i % SHOWN;
      const policy = this.#chosenBy[row] as number;
      yield [
        this.#ids.toString('hex', row * ID_LENGTH, (row + 1) * ID_LENGTH),
        WORDS[this.#decisions[row] as Decision],
        policy === NONE ? '' : (this.#policies[policy] ?? ''),
        this.#reasons[row] as Reason,
        this.#spans[row] as number,
        ((this.#ages[row] as number) / 1000).toFixed(1),
        new Date(this.#times[row] as number).toISOString(),
      ];
    }
  }
}
