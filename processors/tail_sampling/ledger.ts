import type { Settings } from '../../core/component.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import { type Audit, Reason } from './audit.ts';
import type { Config } from './config.ts';
import type { TailSamplingMetrics } from './metrics.ts';
import { Decision } from './policies/policy.ts';
import { NONE } from './store/arena.ts';
import { DecisionCache } from './store/decision-cache.ts';
import type { Journal, StoredChunk, StoredDecision } from './store/journal.ts';
import { Outbox } from './store/outbox.ts';
import { ID_LENGTH } from './store/trace-id.ts';
import { Traces } from './store/traces.ts';

const MILLIS = 1000;

/** What the ledgers of all partitions have in common. */
export interface Reports {
  readonly audit: Audit;
  readonly metrics: TailSamplingMetrics;
}

/**
 * What is known about traces: which wait, how the others were decided, and what of that outlasts them. Traces are named
 * by their slots.
 */
export class Ledger {
  readonly traces: Traces;
  readonly outbox: Outbox;
  readonly audit: Audit;
  readonly metrics: TailSamplingMetrics;
  readonly sampledIds: DecisionCache | undefined;
  readonly otherIds: DecisionCache | undefined;
  /** Traces that wait for their decision. */
  pending = 0;
  /** Traces that came since somebody set it to 0. */
  opened = 0;
  /** Where it is there, spans and decisions are kept over restarts. */
  journal: Journal | undefined;
  /** Where it is there, it is told which traces have changed, before those that are removed are. */
  changes: { touch(slot: number): void } | undefined;

  readonly #settings: Settings;
  readonly #policies: readonly string[];
  readonly #wait: number;
  readonly #maxTraces: number;
  #decidedGoFirst: boolean;
  readonly #id = Buffer.alloc(ID_LENGTH);

  /** `context` is put on the batches that are sent on. */
  constructor(
    settings: Settings,
    config: Config,
    policies: readonly string[],
    seed: number,
    reports: Reports,
    context?: RequestContext,
  ) {
    const { sampled_cache_size: sampled, non_sampled_cache_size: others } = config.decision_cache;
    this.#settings = settings;
    this.#policies = policies;
    this.#wait = config.decision_wait;
    // a limit of 0 leaves room for the trace at hand
    this.#maxTraces = Math.max(1, config.num_traces);
    this.#decidedGoFirst = config.block_on_overflow;
    this.traces = new Traces(seed, Math.max(1, Math.trunc(config.decision_wait / MILLIS)));
    this.outbox = new Outbox(settings.featureGate('processor.tailsamplingprocessor.recordpolicy'), context);
    this.audit = reports.audit;
    this.metrics = reports.metrics;
    this.sampledIds = sampled > 0 ? new DecisionCache(sampled, seed) : undefined;
    this.otherIds = others > 0 ? new DecisionCache(others, seed) : undefined;
  }

  /** Undecided traces are as many as there may be. */
  get full(): boolean {
    return this.pending >= this.#maxTraces;
  }

  /** Traces in memory. */
  get size(): number {
    return this.traces.table.size;
  }

  nameOf(policy: number): string | undefined {
    return this.#policies[policy];
  }

  age(slot: number): number {
    return this.#settings.clock.monotonic() - (this.traces.table.arrivedAt[slot] as number);
  }

  /** A trace that is not known yet; where there is no room, the oldest goes. */
  open(idBuffer: Buffer, idAt: number): number {
    const { table } = this.traces;
    while (table.size >= this.#maxTraces) this.#makeRoom();
    this.opened++;
    this.pending++;
    return this.traces.open(idBuffer, idAt, this.#settings.clock.monotonic());
  }

  /** Has a chunk that was just added kept over restarts, where that is wanted. */
  keep(slot: number, chunk: number): void {
    if (this.journal === undefined) return;
    this.traces.table.copyId(slot, this.#id, 0);
    this.traces.keep(chunk, this.journal, this.#id, this.#settings.clock.now() - this.age(slot));
  }

  /** The decision is taken: sends the spans on or frees them, and forgets the trace where a cache remembers it. */
  close(slot: number, decision: Decision, policy: number, reason: Reason, compositePolicy?: string): void {
    const { table } = this.traces;
    this.changes?.touch(slot);
    this.#record(slot, decision, policy, reason);
    this.pending--;
    table.decision[slot] = decision;
    table.policy[slot] = policy;
    if (decision === Decision.SAMPLED) {
      const label = { policy: this.nameOf(policy), compositePolicy };
      if (reason === Reason.INGEST) this.traces.sendLabellingLast(slot, this.outbox, label);
      else this.traces.send(slot, this.outbox, label);
    }
    this.traces.settle(slot);
    if (this.journal !== undefined) {
      table.copyId(slot, this.#id, 0);
      this.journal.decided({ id: this.#id, decision, policy: this.nameOf(policy) ?? '' });
    }
    this.remember(slot, decision);
  }

  /** Gives up a trace that is undecided, or forgets one that is decided. */
  giveUp(slot: number, reason: Reason): void {
    if (this.traces.table.decision[slot] === Decision.PENDING) {
      this.metrics.droppedEarly();
      this.#record(slot, Decision.PENDING, NONE, reason);
    }
    this.remove(slot);
  }

  /** Moves a decided trace to the cache for its decision, if there is one. */
  remember(slot: number, decision: Decision): void {
    const { table } = this.traces;
    const cache = decision === Decision.SAMPLED ? this.sampledIds : this.otherIds;
    if (cache === undefined) return;
    table.copyId(slot, this.#id, 0);
    cache.put(this.#id, 0, table.policy[slot] as number);
    this.remove(slot);
  }

  remove(slot: number): void {
    this.changes?.touch(slot);
    this.metrics.removed(this.age(slot) / MILLIS);
    if (this.traces.table.decision[slot] === Decision.PENDING) this.pending--;
    this.traces.remove(slot);
  }

  /** A trace that was opened just now was decided by an earlier process. */
  restoreDecided(slot: number, decision: Decision, policy: number): void {
    const { table } = this.traces;
    if (table.decision[slot] === Decision.PENDING) this.pending--;
    table.decision[slot] = decision;
    table.policy[slot] = policy;
    this.traces.settle(slot);
    this.remember(slot, decision);
  }

  /** Does `restore`, in which traces come again that were here before: decided ones go first where there is no room. */
  restoring(restore: () => void): void {
    const usual = this.#decidedGoFirst;
    this.#decidedGoFirst = true;
    restore();
    this.#decidedGoFirst = usual;
  }

  /** Goes on where an earlier process was, and from now on keeps what the next one needs. */
  async restore(journal: Journal): Promise<void> {
    this.traces.onFree = (segment) => journal.free(segment);
    const usual = this.#decidedGoFirst;
    this.#decidedGoFirst = true;
    await journal.replay({
      chunk: (chunk, segment) => this.#restoreChunk(chunk, segment),
      decision: (decision) => this.#restoreDecision(decision),
    });
    this.#decidedGoFirst = usual;
    this.journal = journal;
  }

  #restoreChunk(chunk: StoredChunk, segment: number): void {
    const { table, batches } = this.traces;
    let slot = table.find(chunk.id, 0);
    if (slot === NONE) {
      slot = this.open(chunk.id, 0);
      const age = Math.max(0, this.#settings.clock.now() - chunk.arrivedAt);
      table.arrivedAt[slot] = this.#settings.clock.monotonic() - age;
      batches.hurry(slot, Math.max(0, Math.trunc((this.#wait - age) / MILLIS)));
    }
    if (table.decision[slot] !== Decision.PENDING) {
      this.traces.onFree?.(segment);
      return;
    }
    table.spans[slot] = (table.spans[slot] as number) + chunk.spans;
    table.sizeBytes[slot] = (table.sizeBytes[slot] as number) + chunk.size;
    this.traces.restore(slot, chunk, segment);
  }

  #restoreDecision({ id, decision, policy }: StoredDecision): void {
    const { table } = this.traces;
    let slot = table.find(id, 0);
    if (slot === NONE) {
      // a decision that only late spans would ask for takes no place from spans that wait
      if (table.size >= this.#maxTraces) return;
      slot = this.open(id, 0);
    }
    table.decidedAt[slot] = this.#settings.clock.monotonic();
    this.restoreDecided(slot, decision as Decision, this.#policies.indexOf(policy));
  }

  /** Where senders rather wait than lose a trace, and after a restart, decided ones go first. */
  #makeRoom(): void {
    const { table } = this.traces;
    let slot = table.oldest;
    if (this.#decidedGoFirst) {
      while (slot !== NONE && table.decision[slot] === Decision.PENDING) slot = table.newer(slot);
      if (slot === NONE) slot = table.oldest;
    }
    this.giveUp(slot, Reason.TOO_MANY);
  }

  #record(slot: number, decision: Decision, policy: number, reason: Reason): void {
    const { table } = this.traces;
    table.copyId(slot, this.audit.ids, this.audit.idAt);
    this.audit.add(decision, policy, reason, table.spans[slot] as number, this.age(slot));
  }
}
