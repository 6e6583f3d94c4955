import type { Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import type { Groups } from '../../core/otlp/readers/groups.ts';
import { Taken } from '../../core/stream/taken.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Reason } from './audit.ts';
import type { Config } from './config.ts';
import type { Delivery } from './delivery.ts';
import type { TailSampler } from './sampler.ts';
import type { Snapshots } from './snapshots.ts';
import type { Turns } from './turns.ts';

/** A batch is sent on when it has so many spans, so that what goes out is neither many small nor one huge request. */
const BATCH_SPANS = 2048;

/** What the runners of all partitions have in common. */
export interface Shared {
  readonly settings: Settings;
  readonly config: Config;
  readonly groups: Groups;
  readonly turns: Turns;
  /** Traces in memory, of all partitions. */
  readonly traces: () => number;
}

/** What is of one partition. */
export interface Own {
  readonly sampler: TailSampler;
  readonly delivery: Delivery;
  /** Set where its state is part of checkpoints, which is then not decided at the end. */
  readonly snapshots: Snapshots | undefined;
  readonly context: RequestContext | undefined;
}

/** Runs the sampler of one partition: takes in, decides as time goes on, hands on. */
export class Runner {
  readonly sampler: TailSampler;
  readonly delivery: Delivery;
  /** What was taken of a record that comes again because another component refused it. */
  readonly taken = new Taken();
  readonly #shared: Shared;
  readonly #own: Own;
  #ticks = 0;
  #deciding: Promise<void> | undefined;
  /** Takes nothing more. */
  #stopping = false;
  /** The state is not ours any more. */
  #abandoned = false;
  /** Callers that wait for room come one after another. */
  #waiting = 0;
  #line: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;

  constructor(shared: Shared, own: Own) {
    this.#shared = shared;
    this.#own = own;
    this.sampler = own.sampler;
    this.delivery = own.delivery;
  }

  get isKept(): boolean {
    return this.#own.snapshots !== undefined;
  }

  /** Takes over the reference to the batch; `accepted` is called at once when its spans are here. */
  consume(batch: Telemetry, accepted?: () => void): void | Promise<void> {
    const ready = this.delivery.ready();
    if (ready === undefined && !this.#hasToWait) return this.#take(batch, accepted);
    return this.#takeLater(batch, ready, accepted);
  }

  /** A second is over. Those that end while the one before is still at work are made up for. */
  tick(): void {
    // where spans cannot be sent on none come in, so time stands still, as it does while no process has the partition
    if (this.#deciding !== undefined && this.delivery.isBusy) return;
    this.#ticks++;
    if (this.#deciding !== undefined) return;
    this.#deciding = this.#decideTicks().finally(() => {
      this.#deciding = undefined;
    });
  }

  snapshot(which: 'all' | 'changed'): ReadonlyMap<string, Buffer | undefined> {
    const { outbox } = this.sampler.ledger;
    const sampled = outbox.take();
    if (sampled !== undefined) this.delivery.push(sampled);
    return this.#own.snapshots?.take(which, this.delivery.waiting) ?? new Map();
  }

  /** @throws Error where the entries cannot be read */
  restore(entries: ReadonlyMap<string, Buffer>, version: number): void {
    const { snapshots, context } = this.#own;
    if (snapshots === undefined || context === undefined) return;
    for (const batch of snapshots.restore(entries, version, context)) this.delivery.push(batch);
  }

  /** Forgets all, hands on nothing. */
  abandon(): void {
    this.#stopping = this.#abandoned = true;
    this.#ticks = 0;
    this.sampler.ledger.outbox.take()?.release();
    this.delivery.abandon();
    this.#wake?.();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const { journal, traces } = this.sampler.ledger;
    // what waits for room is told to come again elsewhere; it was not accepted
    await Promise.resolve();
    this.#wake?.();
    await this.#deciding;
    if (journal !== undefined) return this.#closeJournal();
    if (this.isKept) {
      // what is refused once more is in the last snapshot
      await this.delivery.ready()?.catch(() => {});
      return;
    }
    if (this.#shared.config.drop_pending_traces_on_shutdown) return;
    traces.batches.advanceToEnd();
    await this.#decideDue(Reason.SHUTDOWN);
  }

  get #hasToWait(): boolean {
    return this.#shared.config.block_on_overflow && (this.sampler.full || this.#waiting > 0);
  }

  #take(batch: Telemetry, accepted: (() => void) | undefined): void | Promise<void> {
    this.sampler.take(batch, this.#shared.groups);
    batch.release();
    accepted?.();
    // spans of traces that are decided already do not wait
    const sent = this.#send();
    const kept = this.sampler.ledger.journal?.flushSpans()?.catch((error: unknown) => this.#notKept(error));
    if (kept === undefined) return sent;
    return sent === undefined ? kept : kept.then(() => sent);
  }

  async #takeLater(batch: Telemetry, ready: Promise<void> | undefined, accepted?: () => void): Promise<void> {
    try {
      for (let pending = ready; pending !== undefined; pending = this.delivery.ready()) await pending;
      if (this.#hasToWait) await this.#room();
      if (this.#stopping) throw new PipelineError('tail_sampling is not running');
    } catch (error) {
      batch.release();
      throw error;
    }
    await this.#take(batch, accepted);
  }

  /** A batch is taken in as a whole, so the limit may be passed by the traces of one batch. */
  async #room(): Promise<void> {
    this.#waiting++;
    const before = this.#line;
    let done = () => {};
    this.#line = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    while (this.sampler.full && !this.#stopping) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#waiting--;
    done();
  }

  async #decideTicks(): Promise<void> {
    const { ledger } = this.sampler;
    // sends what is left of an earlier tick, or of an earlier process
    const ready = this.delivery.ready();
    if (ready !== undefined) await ready.catch(() => {});
    for (; this.#ticks > 0; this.#ticks--) {
      if (!this.delivery.isRefused) {
        ledger.traces.batches.advance();
        await this.#decideDue();
        if (this.#abandoned) return;
        await ledger.journal?.flushDecisions().catch((error: unknown) => this.#notKept(error));
        ledger.traces.compact();
      }
      this.#wake?.();
    }
  }

  /** Decides about all traces that are due, a slice at a time, as long as the next component takes what is sampled. */
  async #decideDue(reason?: Reason): Promise<void> {
    const { clock } = this.#shared.settings;
    const { turns, traces } = this.#shared;
    const { ledger } = this.sampler;
    const begun = clock.monotonic();
    while (!this.delivery.isRefused) {
      const spans = this.sampler.decideNext(reason);
      if (spans === undefined) break;
      if (ledger.outbox.spans >= BATCH_SPANS) {
        const sent = this.#send();
        if (sent !== undefined) await sent;
      }
      if (turns.isOver(spans)) await turns.next();
      if (this.#abandoned) return;
    }
    ledger.metrics.flush(clock.monotonic() - begun, traces());
    await this.#send();
  }

  /** Never rejects. */
  #send(): void | Promise<void> {
    const batch = this.sampler.ledger.outbox.take();
    return batch === undefined ? this.delivery.ready()?.catch(() => {}) : this.delivery.send(batch);
  }

  /** What is undecided waits for the next process. */
  async #closeJournal(): Promise<void> {
    const { journal } = this.sampler.ledger;
    await journal?.flushDecisions().catch((error: unknown) => this.#notKept(error));
    await journal?.close().catch((error: unknown) => this.#notKept(error));
  }

  /** The spans go on from memory; only a crash would lose them. */
  #notKept(error: unknown): void {
    const { settings, config } = this.#shared;
    const fields = { error: (error as Error).message, storage: config.storage };
    settings.logger.error('Spans or decisions could not be kept over a restart', fields);
  }
}
