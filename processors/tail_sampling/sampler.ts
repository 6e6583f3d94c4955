import type { Settings } from '../../core/component.ts';
import type { Groups } from '../../core/otlp/readers/groups.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Audit, Reason } from './audit.ts';
import type { Config } from './config.ts';
import { Jury } from './jury.ts';
import { TailSamplingMetrics } from './metrics.ts';
import type { NamedPolicy } from './policies/compile.ts';
import { Decision } from './policies/policy.ts';
import { NONE } from './store/arena.ts';
import { DecisionCache } from './store/decision-cache.ts';
import { TraceGrouper } from './store/grouper.ts';
import { Outbox } from './store/outbox.ts';
import { ID_LENGTH } from './store/trace-id.ts';
import { Traces } from './store/traces.ts';

const MILLIS = 1000;

/**
 * Takes spans in and decides about traces. Nothing here waits: what is to be sent on is in `outbox`, and time comes
 * from outside as ticks.
 */
export class TailSampler {
  readonly outbox: Outbox;
  readonly audit: Audit;
  readonly traces: Traces;
  readonly metrics: TailSamplingMetrics;
  /** Traces that wait for their decision. */
  pending = 0;

  readonly #settings: Settings;
  readonly #config: Config;
  readonly #maxTraces: number;
  readonly #policies: readonly NamedPolicy[];
  readonly #jury: Jury;
  readonly #grouper: TraceGrouper;
  readonly #sampledIds: DecisionCache | undefined;
  readonly #otherIds: DecisionCache | undefined;
  readonly #id = Buffer.alloc(ID_LENGTH);
  #newTraces = 0;

  constructor(settings: Settings, config: Config, policies: readonly NamedPolicy[]) {
    const { decision_cache: cache } = config;
    const names = policies.map((policy) => policy.name);
    const seed = Math.floor(settings.random() * 2 ** 32);
    const bytesCounted = settings.featureGate('processor.tailsamplingprocessor.metricstatcountbytessampled');
    const sizes = config.maximum_trace_size_bytes > 0 || bytesCounted || policies.some((p) => p.policy.sized === true);
    this.#settings = settings;
    this.#config = config;
    // a limit of 0 leaves room for the trace at hand
    this.#maxTraces = Math.max(1, config.num_traces);
    this.#policies = policies;
    this.metrics = new TailSamplingMetrics(settings, names);
    this.#jury = new Jury(settings, config, policies, this.metrics);
    this.outbox = new Outbox(settings.featureGate('processor.tailsamplingprocessor.recordpolicy'));
    this.audit = new Audit(settings.clock, names);
    this.traces = new Traces(seed, Math.max(1, Math.trunc(config.decision_wait / MILLIS)));
    this.#grouper = new TraceGrouper(seed, { sizes, roots: config.decision_wait_after_root_received > 0 });
    this.#sampledIds = cache.sampled_cache_size > 0 ? new DecisionCache(cache.sampled_cache_size, seed) : undefined;
    this.#otherIds =
      cache.non_sampled_cache_size > 0 ? new DecisionCache(cache.non_sampled_cache_size, seed) : undefined;
  }

  /** No further trace fits without giving up an undecided one. */
  get full(): boolean {
    const max = this.#config.maximum_pending_bytes;
    return this.pending >= this.#maxTraces || (max > 0 && this.traces.bytes >= max);
  }

  /** Takes in all spans of a batch; the batch stays the caller's. */
  take(batch: Telemetry, groups: Groups): void {
    this.#newTraces = 0;
    groups.open(batch);
    while (groups.nextResource()) {
      this.#grouper.read(groups);
      for (let i = 0; i < this.#grouper.traces; i++) this.#takeTrace(i, groups);
      this.traces.endResource();
    }
    this.#grouper.close();
    this.metrics.newTraces(this.#newTraces);
  }

  /** Decides about a trace that is due and returns how many spans it has; undefined where none is due. */
  decideNext(reason?: Reason): number | undefined {
    const slot = this.traces.batches.due();
    if (slot === NONE) return undefined;
    const { table } = this.traces;
    const spans = table.spans[slot] as number;
    const waited = this.#settings.clock.monotonic() - (table.arrivedAt[slot] as number);
    const why = reason ?? (waited < this.#config.decision_wait ? Reason.ROOT : Reason.WAITED);
    table.decidedAt[slot] = this.#settings.clock.monotonic();
    if (this.#config.sampling_strategy === 'span-ingest') {
      // it had its chance with each chunk
      this.metrics.decided(Decision.NOT_SAMPLED);
      this.#close(slot, Decision.NOT_SAMPLED, NONE, why);
      if (this.#otherIds === undefined) this.#remove(slot);
      return spans;
    }
    this.#openView(slot);
    const decision = this.#jury.ask();
    this.metrics.decided(decision);
    this.#close(slot, decision, this.#jury.policy, why);
    return spans;
  }

  #takeTrace(index: number, groups: Groups): void {
    const grouper = this.#grouper;
    const idBuffer = grouper.idBuffers[index] as Buffer;
    const idAt = grouper.idAt[index] as number;
    const count = grouper.count[index] as number;
    if (this.#decidedBefore(index, idBuffer, idAt, count, groups)) return;
    const { table, batches } = this.traces;
    let slot = table.find(idBuffer, idAt);
    if (slot === NONE) slot = this.#open(idBuffer, idAt);
    table.spans[slot] = (table.spans[slot] as number) + count;
    const wait = this.#config.decision_wait_after_root_received;
    if (wait > 0 && grouper.root[index] === 1) batches.hurry(slot, Math.trunc(wait / MILLIS));
    const size = grouper.collectorSize(index, groups.resourceEnd - groups.resourceStart);
    table.sizeBytes[slot] = (table.sizeBytes[slot] as number) + size;
    if (table.decision[slot] !== Decision.PENDING) this.#takeLate(slot, index, groups);
    else if (this.#isTooLarge(slot)) this.#dropTooLarge(slot);
    else this.#keep(slot, index, groups, size);
  }

  /** Whether the decision is known from a cache, and done. */
  #decidedBefore(index: number, idBuffer: Buffer, idAt: number, count: number, groups: Groups): boolean {
    const policy = this.#sampledIds?.get(idBuffer, idAt);
    if (policy !== undefined) {
      this.#forward(index, groups, { policy: this.#nameOf(policy), cached: true });
      this.metrics.earlyRelease(true, count);
      return true;
    }
    if (this.#otherIds?.get(idBuffer, idAt) === undefined) return false;
    this.metrics.earlyRelease(false, count);
    return true;
  }

  #open(idBuffer: Buffer, idAt: number): number {
    const { table } = this.traces;
    while (table.size >= this.#maxTraces) this.#makeRoom();
    this.#newTraces++;
    this.pending++;
    return this.traces.open(idBuffer, idAt, this.#settings.clock.monotonic());
  }

  /** Where senders rather wait than lose a trace, decided ones go first. */
  #makeRoom(): void {
    const { table } = this.traces;
    let slot = table.oldest;
    if (this.#config.block_on_overflow) {
      while (slot !== NONE && table.decision[slot] === Decision.PENDING) slot = table.newer(slot);
      if (slot === NONE) slot = table.oldest;
    }
    this.#giveUp(slot, Reason.TOO_MANY);
  }

  #giveUp(slot: number, reason: Reason): void {
    if (this.traces.table.decision[slot] === Decision.PENDING) {
      this.metrics.droppedEarly();
      this.#record(slot, Decision.PENDING, NONE, reason);
    }
    this.#remove(slot);
  }

  #isTooLarge(slot: number): boolean {
    const max = this.#config.maximum_trace_size_bytes;
    return max > 0 && (this.traces.table.sizeBytes[slot] as number) > max;
  }

  #dropTooLarge(slot: number): void {
    this.metrics.tooLarge();
    this.#close(slot, Decision.NOT_SAMPLED, NONE, Reason.TOO_LARGE);
  }

  #takeLate(slot: number, index: number, groups: Groups): void {
    const { table } = this.traces;
    const decidedAt = table.decidedAt[slot] as number;
    const decision = table.decision[slot];
    if (decision === Decision.SAMPLED)
      this.#forward(index, groups, { policy: this.#nameOf(table.policy[slot] as number) });
    else if (this.#otherIds !== undefined) this.#remember(slot, decision as Decision);
    if (decidedAt !== NONE) this.metrics.lateSpan((this.#settings.clock.monotonic() - decidedAt) / MILLIS);
  }

  #keep(slot: number, index: number, groups: Groups, size: number): void {
    const chunk = this.traces.add(slot, this.#grouper, index, groups, size);
    if (chunk === NONE) {
      this.#giveUp(slot, Reason.NO_MEMORY);
      return;
    }
    const ingest = this.#config.sampling_strategy === 'span-ingest';
    if (ingest || this.#config.decide_early) this.#decideOnArrival(slot, chunk, ingest);
    const max = this.#config.maximum_pending_bytes;
    if (max === 0 || this.#config.block_on_overflow) return;
    while (this.traces.bytes > max && this.pending > 0) this.#giveUp(this.traces.batches.first(), Reason.NO_MEMORY);
  }

  #decideOnArrival(slot: number, chunk: number, ingest: boolean): void {
    const { table } = this.traces;
    const { clock } = this.#settings;
    const begun = clock.monotonic();
    const { view } = this.#jury;
    table.copyId(slot, this.#id, 0);
    view.open(this.#id, 0, table.spans[slot] as number, table.sizeBytes[slot] as number);
    this.traces.show(chunk, view);
    const decision = this.#jury.askOnArrival(ingest);
    if (ingest) table.decidedAt[slot] = begun;
    if (decision === Decision.PENDING) return;
    table.decidedAt[slot] = begun;
    this.metrics.decided(decision);
    this.#close(slot, decision, this.#jury.policy, ingest ? Reason.INGEST : Reason.EARLY);
  }

  #openView(slot: number): void {
    const { table } = this.traces;
    table.copyId(slot, this.#id, 0);
    this.#jury.view.open(this.#id, 0, table.spans[slot] as number, table.sizeBytes[slot] as number);
    this.traces.showAll(slot, this.#jury.view);
  }

  /** The decision is taken: sends the spans on or frees them, and forgets the trace where a cache remembers it. */
  #close(slot: number, decision: Decision, policy: number, reason: Reason): void {
    const { table } = this.traces;
    this.#record(slot, decision, policy, reason);
    this.pending--;
    table.decision[slot] = decision;
    table.policy[slot] = policy;
    if (decision === Decision.SAMPLED) {
      const { compositePolicy } = this.#jury.view;
      this.traces.send(slot, this.outbox, { policy: this.#nameOf(policy), compositePolicy });
    }
    this.#jury.view.close();
    this.traces.settle(slot);
    this.#remember(slot, decision);
  }

  #remember(slot: number, decision: Decision): void {
    const { table } = this.traces;
    const cache = decision === Decision.SAMPLED ? this.#sampledIds : this.#otherIds;
    if (cache === undefined) return;
    table.copyId(slot, this.#id, 0);
    cache.put(this.#id, 0, table.policy[slot] as number);
    this.#remove(slot);
  }

  #remove(slot: number): void {
    const { table } = this.traces;
    const age = this.#settings.clock.monotonic() - (table.arrivedAt[slot] as number);
    this.metrics.removed(age / MILLIS);
    if (table.decision[slot] === Decision.PENDING) this.pending--;
    this.traces.remove(slot);
  }

  #record(slot: number, decision: Decision, policy: number, reason: Reason): void {
    const { table } = this.traces;
    table.copyId(slot, this.audit.ids, this.audit.idAt);
    const age = this.#settings.clock.monotonic() - (table.arrivedAt[slot] as number);
    this.audit.add(decision, policy, reason, table.spans[slot] as number, age);
  }

  /** Sends on spans that have just come. */
  #forward(index: number, groups: Groups, label: Parameters<Outbox['add']>[2]): void {
    const grouper = this.#grouper;
    const { buffer, resourceStart: start, resourceEnd: end } = groups;
    const run = grouper.runLength(index);
    this.outbox.add(Outbox.groupLength(end - start, run), grouper.count[index] as number, label, (target, at) => {
      grouper.writeRun(index, target, Outbox.writeHead(target, at, buffer, start, end, run));
    });
  }

  #nameOf(policy: number): string | undefined {
    return this.#policies[policy]?.name;
  }
}
