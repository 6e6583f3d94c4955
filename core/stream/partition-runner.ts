import type { Clock, Timer } from '../clock.ts';
import type { Consumer } from '../consumer.ts';
import { PipelineError } from '../error.ts';
import type { Logger } from '../logger.ts';
import type { Signal } from '../signal.ts';
import type { RequestContext, StreamOrigin } from '../telemetry/context.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { StateReader, StateWriter } from './codec.ts';
import { EventClock, type EventClockOptions } from './event-clock.ts';
import { Outbox } from './outbox.ts';
import { Taken } from './taken.ts';

/** Between attempts to hand on results that were refused, unless the refusal names a time. */
const RETRY_MS = 1_000;
/** The entry of a snapshot that is the runner's own. */
const CLOCK = 'clock';

/** What an operator keeps of one partition. All calls are synchronous and come one after the other. */
export interface PartitionState {
  /** Keys with state. */
  readonly keys: number;
  /** Windows or matches that have begun and not ended. */
  readonly open: number;
  /** Event time has come to `watermark`: what was waiting for it is emitted. Infinity: the input has ended. */
  advance(watermark: number): void;
  /** As `Checkpointed.snapshot`, without the runner's own entry. */
  snapshot(which: 'all' | 'changed'): Map<string, Buffer | undefined>;
  restore(entries: ReadonlyMap<string, Buffer>, version: number): void;
  /** What is open is emitted as it is: the process ends and nobody keeps the state. */
  finish(): void;
}

/** What a partition's state has at hand. */
export interface Partition {
  readonly name: string;
  readonly clock: EventClock;
  readonly logger: Logger;
  /** To put on batches that are emitted. */
  readonly context: RequestContext;
  /** Hands results on, after what was emitted before. Takes over the caller's reference. */
  emit(batch: Telemetry): void;
}

/** Where the marks of a stage come from and go to. */
export interface RunnerOptions {
  readonly eventTime: EventClockOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Get the results, and are told of event time. */
  readonly next: readonly Consumer[];
}

/** Keeps one partition of an operator in order: input, event time, results. */
export class PartitionRunner<S extends PartitionState> implements Partition {
  readonly name: string;
  readonly clock: EventClock;
  readonly context: RequestContext;
  readonly logger: Logger;
  readonly state: S;
  readonly taken = new Taken();
  readonly #outbox: Outbox;
  readonly #options: RunnerOptions;
  #told = Number.NEGATIVE_INFINITY;
  #retry: Timer | undefined;
  /** The last attempt was refused, and that was logged. */
  #refused = false;
  /** No more attempts. */
  #closed = false;
  /** The runner's own entry as it was handed out last. */
  #stored: Buffer | undefined;

  constructor(name: string, options: RunnerOptions, open: (partition: Partition) => S) {
    this.name = name;
    this.#options = options;
    this.logger = options.logger;
    this.clock = new EventClock(options.eventTime);
    const stream: StreamOrigin = Object.freeze({ partition: name, watermarked: true });
    this.context = Object.freeze({ transport: 'stream', metadata: new Map(), stream });
    this.#outbox = new Outbox((batch, error) => this.#lost(batch, error));
    this.state = open(this);
  }

  /** True where nothing waits to be handed on. */
  get isSettled(): boolean {
    return this.#outbox.isEmpty;
  }

  /** See Checkpointed. */
  get settled(): Promise<void> | undefined {
    return this.#outbox.draining?.catch(() => {});
  }

  emit(batch: Telemetry): void {
    for (const to of this.#options.next) this.emitTo(to, batch.retain());
    batch.release();
  }

  /** To one consumer, otherwise as `emit`. */
  emitTo(to: Consumer, batch: Telemetry): void {
    this.#outbox.push({ to, batch });
  }

  /**
   * Runs `step` when all earlier results were handed on, then hands on its own. Throws or rejects, and does not run
   * it, where earlier results are still refused; afterwards refusals keep results here and hold back the next step.
   */
  run(step: () => void): void | Promise<void> {
    if (!this.#outbox.isEmpty) return this.#runLater(step);
    step();
    return this.deliver();
  }

  /** Hands on what is here; where it is refused for now, tries again by itself. */
  deliver(): void | Promise<void> {
    this.#mark();
    let pending: void | Promise<void>;
    try {
      pending = this.#outbox.drain();
    } catch (error) {
      this.#tryLater(PipelineError.from(error));
      return;
    }
    if (pending === undefined) this.#accepted();
    else {
      return pending.then(
        () => this.#accepted(),
        (error: unknown) => this.#tryLater(PipelineError.from(error)),
      );
    }
  }

  /**
   * The last attempt, at the end of the process. What is refused then waits for a snapshot (`kept`), otherwise it is
   * lost, and logged.
   */
  async close(kept: boolean): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    try {
      this.#mark();
      while (!this.#outbox.isEmpty) await this.#outbox.drain();
    } catch (error) {
      if (kept) return;
      for (const { batch } of this.#outbox.clear()) {
        this.#lost(batch, PipelineError.from(error));
        batch.release();
      }
    }
  }

  /** The state, how far event time is, and the results that wait, by the ids of their pipelines. */
  snapshot(which: 'all' | 'changed', pipelines: ReadonlyMap<string, Consumer>): Map<string, Buffer | undefined> {
    const to = new StateWriter();
    const sources = [...this.clock.entries()];
    to.double(this.clock.watermark).uint32(sources.length);
    for (const [source, watermark] of sources) to.text(source).double(watermark);
    const waiting = this.#outbox.waiting;
    to.uint32(waiting.length);
    for (const { to: consumer, batch } of waiting) {
      const id = [...pipelines].find(([, one]) => one === consumer)?.[0] ?? '';
      to.text(id).text(batch.signal).uint32(batch.items).bytes(batch.bytes());
    }
    const bytes = to.finish();
    const entries = this.state.snapshot(which);
    if (which === 'all' || this.#stored?.equals(bytes) !== true) entries.set(CLOCK, bytes);
    this.#stored = bytes;
    return entries;
  }

  /** @throws Error where the entries cannot be read */
  restore(entries: ReadonlyMap<string, Buffer>, version: number, pipelines: ReadonlyMap<string, Consumer>): void {
    const bytes = entries.get(CLOCK);
    if (bytes === undefined) return;
    const from = new StateReader(bytes);
    const watermark = from.double();
    for (let left = from.uint32(); left > 0; left--) this.clock.advance(from.text(), from.double());
    this.clock.watermark = watermark;
    this.#told = watermark;
    for (let left = from.uint32(); left > 0; left--) {
      const to = pipelines.get(from.text());
      const signal = from.text() as Signal;
      const items = from.uint32();
      const batch = Telemetry.of(signal, from.bytes(), items, this.context);
      if (to !== undefined) this.#outbox.push({ to, batch });
      else this.#lost(batch, new PipelineError('its pipeline is not in the configuration any more'));
    }
    this.state.restore(entries, version);
    if (!this.#outbox.isEmpty) this.#retryAfter(0);
  }

  /** Forgets all, emits nothing. */
  abandon(): void {
    this.#closed = true;
    this.#retry?.cancel();
    for (const { batch } of this.#outbox.clear()) batch.release();
  }

  async #runLater(step: () => void): Promise<void> {
    while (!this.#outbox.isEmpty) await this.#outbox.drain();
    if (this.#closed) throw new PipelineError(`the partition ${this.name} was given away`);
    this.#accepted();
    step();
    await this.deliver();
  }

  #mark(): void {
    const { watermark } = this.clock;
    if (watermark === this.#told) return;
    this.#told = watermark;
    for (const to of this.#options.next) this.#outbox.push({ to, partition: this.name, mark: watermark });
  }

  #accepted(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    if (!this.#refused) return;
    this.#refused = false;
    this.#options.logger.info('Results are taken again', { partition: this.name });
  }

  #tryLater(error: PipelineError): void {
    if (!this.#refused) {
      this.#refused = true;
      this.#options.logger.warn('Results were refused for now, the partition waits', {
        partition: this.name,
        error: error.message,
      });
    }
    this.#retryAfter(error.retryAfterMs ?? RETRY_MS);
  }

  #retryAfter(ms: number): void {
    this.#retry?.cancel();
    if (!this.#closed) this.#retry = this.#options.clock.after(ms, () => void this.deliver());
  }

  #lost(batch: Telemetry, error: PipelineError): void {
    this.#options.logger.error('Results were refused for good and are dropped', {
      partition: this.name,
      dropped_items: batch.items,
      error: error.message,
    });
  }
}
