import type { Settings } from '../../core/component.ts';
import type { Groups } from '../../core/otlp/readers/groups.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Reason } from './audit.ts';
import type { Config } from './config.ts';
import { Jury } from './jury.ts';
import { Ledger, type Reports } from './ledger.ts';
import type { NamedPolicy } from './policies/compile.ts';
import { Decision } from './policies/policy.ts';
import { NONE } from './store/arena.ts';
import { TraceGrouper } from './store/grouper.ts';
import { type Label, NO_LABEL, Outbox } from './store/outbox.ts';
import { ID_LENGTH } from './store/trace-id.ts';

const MILLIS = 1000;

/**
 * Takes spans in and decides about traces. Nothing here waits: what is to be sent on is in the outbox of the ledger,
 * and time comes from outside as ticks.
 */
export class TailSampler {
  readonly ledger: Ledger;
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #jury: Jury;
  readonly #grouper: TraceGrouper;
  readonly #ingest: boolean;
  readonly #id = Buffer.alloc(ID_LENGTH);

  /** `context` is put on the batches that are sent on. */
  constructor(
    settings: Settings,
    config: Config,
    policies: readonly NamedPolicy[],
    reports: Reports,
    context?: RequestContext,
  ) {
    const seed = Math.floor(settings.random() * 2 ** 32);
    const bytesCounted = settings.featureGate('processor.tailsamplingprocessor.metricstatcountbytessampled');
    const sizes = config.maximum_trace_size_bytes > 0 || bytesCounted || policies.some((p) => p.policy.sized === true);
    const names = policies.map((policy) => policy.name);
    this.#settings = settings;
    this.#config = config;
    this.#ingest = config.sampling_strategy === 'span-ingest';
    this.ledger = new Ledger(settings, config, names, seed, reports, context);
    this.#jury = new Jury(settings, config, policies, this.ledger.metrics);
    this.#grouper = new TraceGrouper(seed, { sizes, roots: config.decision_wait_after_root_received > 0 });
  }

  /** No further trace fits without giving up an undecided one. */
  get full(): boolean {
    const max = this.#config.maximum_pending_bytes;
    return this.ledger.full || (max > 0 && this.ledger.traces.bytes >= max);
  }

  /** Takes in all spans of a batch; the batch stays the caller's. */
  take(batch: Telemetry, groups: Groups): void {
    const { ledger } = this;
    ledger.opened = 0;
    groups.open(batch);
    while (groups.nextResource()) {
      this.#grouper.read(groups);
      for (let i = 0; i < this.#grouper.traces; i++) this.#takeTrace(i, groups);
      ledger.traces.endResource();
    }
    this.#grouper.close();
    ledger.metrics.newTraces(ledger.opened);
  }

  /** Decides about a trace that is due and returns how many spans it has; undefined where none is due. */
  decideNext(reason?: Reason): number | undefined {
    const { ledger } = this;
    const { table, batches } = ledger.traces;
    const slot = batches.due();
    if (slot === NONE) return undefined;
    const spans = table.spans[slot] as number;
    const why = reason ?? (ledger.age(slot) <= this.#config.decision_wait ? Reason.ROOT : Reason.WAITED);
    table.decidedAt[slot] = this.#settings.clock.monotonic();
    if (this.#ingest) {
      // policies had their chance with each chunk; without a cache nothing is remembered
      ledger.metrics.decided(Decision.NOT_SAMPLED);
      ledger.close(slot, Decision.NOT_SAMPLED, NONE, why);
      if (ledger.otherIds === undefined) ledger.remove(slot);
      return spans;
    }
    const { view } = this.#jury;
    this.#openView(slot);
    ledger.traces.showAll(slot, view);
    const decision = this.#jury.ask();
    ledger.metrics.decided(decision);
    ledger.close(slot, decision, this.#jury.policy, why, view.compositePolicy);
    view.close();
    return spans;
  }

  #takeTrace(index: number, groups: Groups): void {
    const grouper = this.#grouper;
    const { table, batches } = this.ledger.traces;
    const idBuffer = grouper.idBuffer(index);
    const idAt = grouper.idAt[index] as number;
    if (this.#decidedBefore(index, idBuffer, idAt, groups)) return;
    let slot = table.find(idBuffer, idAt);
    if (slot === NONE) slot = this.ledger.open(idBuffer, idAt);
    this.ledger.changes?.touch(slot);
    table.spans[slot] = (table.spans[slot] as number) + (grouper.count[index] as number);
    const wait = this.#config.decision_wait_after_root_received;
    if (wait > 0 && grouper.root[index] === 1) batches.hurry(slot, Math.trunc(wait / MILLIS));
    const size = grouper.collectorSize(index, groups.resourceEnd - groups.resourceStart);
    table.sizeBytes[slot] = (table.sizeBytes[slot] as number) + size;
    if (table.decision[slot] !== Decision.PENDING) this.#takeLate(slot, index, groups);
    else if (this.#isTooLarge(slot)) this.#dropTooLarge(slot);
    else this.#keep(slot, index, groups, size);
  }

  /** Whether the decision is known from a cache, and done. */
  #decidedBefore(index: number, idBuffer: Buffer, idAt: number, groups: Groups): boolean {
    const { ledger } = this;
    const policy = ledger.sampledIds?.get(idBuffer, idAt);
    if (policy === undefined && ledger.otherIds?.get(idBuffer, idAt) === undefined) return false;
    if (policy !== undefined) this.#forward(index, groups, { policy: ledger.nameOf(policy), cached: true });
    ledger.metrics.earlyRelease(policy !== undefined, this.#grouper.count[index] as number);
    return true;
  }

  #isTooLarge(slot: number): boolean {
    const max = this.#config.maximum_trace_size_bytes;
    return max > 0 && (this.ledger.traces.table.sizeBytes[slot] as number) > max;
  }

  #dropTooLarge(slot: number): void {
    this.ledger.metrics.tooLarge();
    this.ledger.close(slot, Decision.NOT_SAMPLED, NONE, Reason.TOO_LARGE);
  }

  #takeLate(slot: number, index: number, groups: Groups): void {
    const { ledger } = this;
    const { table } = ledger.traces;
    const decidedAt = table.decidedAt[slot] as number;
    if (decidedAt !== NONE) ledger.metrics.lateSpan((this.#settings.clock.monotonic() - decidedAt) / MILLIS);
    if (table.decision[slot] === Decision.SAMPLED) this.#forward(index, groups, NO_LABEL);
  }

  #keep(slot: number, index: number, groups: Groups, size: number): void {
    const { ledger } = this;
    const { traces } = ledger;
    const chunk = traces.add(slot, this.#grouper, index, groups, size);
    if (chunk === NONE) {
      ledger.giveUp(slot, Reason.NO_MEMORY);
      return;
    }
    ledger.keep(slot, chunk);
    if (this.#ingest || this.#config.decide_early) this.#decideOnArrival(slot, chunk);
    const max = this.#config.maximum_pending_bytes;
    if (max === 0 || this.#config.block_on_overflow) return;
    while (traces.bytes > max && ledger.pending > 0) ledger.giveUp(traces.batches.first(), Reason.NO_MEMORY);
  }

  #decideOnArrival(slot: number, chunk: number): void {
    const { ledger } = this;
    const { table } = ledger.traces;
    const { view } = this.#jury;
    this.#openView(slot);
    ledger.traces.show(chunk, view);
    const decision = this.#jury.askOnArrival(this.#ingest);
    if (decision !== Decision.PENDING) {
      table.decidedAt[slot] = this.#settings.clock.monotonic();
      ledger.metrics.decided(decision);
      const reason = this.#ingest ? Reason.INGEST : Reason.EARLY;
      ledger.close(slot, decision, this.#jury.policy, reason, view.compositePolicy);
    }
    view.close();
  }

  #openView(slot: number): void {
    const { table } = this.ledger.traces;
    table.copyId(slot, this.#id, 0);
    this.#jury.view.open(this.#id, 0, table.spans[slot] as number, table.sizeBytes[slot] as number);
  }

  /** Sends on spans that have just come. */
  #forward(index: number, groups: Groups, label: Label): void {
    const grouper = this.#grouper;
    const { buffer, resourceStart: start, resourceEnd: end } = groups;
    const run = grouper.runLength(index);
    const length = Outbox.groupLength(end - start, run);
    this.ledger.outbox.add(length, grouper.count[index] as number, label, (target, at) => {
      grouper.writeRun(index, target, Outbox.writeHead(target, at, buffer, start, end, run));
    });
  }
}
