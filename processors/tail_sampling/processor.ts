import type { Timer } from '../../core/clock.ts';
import type { Consumer, Host, Processor, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { openStorage } from '../../core/storage.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { ZPageProvider, ZPageSection } from '../../core/zpages.ts';
import { Reason } from './audit.ts';
import type { Config } from './config.ts';
import { type CompiledPolicies, compilePolicies } from './policies/compile.ts';
import { TailSampler } from './sampler.ts';
import { Journal } from './store/journal.ts';

const TICK = 1000;
/** Others get their turn after so much time, or so many spans, whichever is first. */
const SLICE_MILLIS = 5;
const SLICE_SPANS = 4096;
/** A batch is sent on when it has so many spans, so that what goes out is neither many small nor one huge request. */
const BATCH_SPANS = 2048;

const TAIL_STORAGE_GATE = 'processor.tailsamplingprocessor.tailstorageextension';

/** Collects spans and sends on, each second, those of the traces whose time has come and that policies keep. */
export class TailSamplingProcessor implements Processor, ZPageProvider {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  readonly #policies: CompiledPolicies;
  readonly #groups = new Groups();
  #sampler: TailSampler | undefined;
  #timer: Timer | undefined;
  #ticks = 0;
  #deciding: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** Callers that wait for room come one after another. */
  #waiting = 0;
  #line: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;

  constructor(settings: Settings, config: Config, next: Consumer) {
    if (config.tail_storage !== undefined && !settings.featureGate(TAIL_STORAGE_GATE)) {
      throw new Error(
        `'tail_storage' requires the "${TAIL_STORAGE_GATE}" feature gate to be enabled, ` +
          `use --feature-gates=+${TAIL_STORAGE_GATE}`,
      );
    }
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    // the collector does so when it starts; here a new configuration is known to be good before the old one ends
    this.#policies = compilePolicies(config, settings.clock);
  }

  get zpages(): readonly ZPageSection[] {
    return this.#sampler === undefined ? [] : [this.#sampler.ledger.audit];
  }

  async start(host: Host): Promise<void> {
    refuseTailStorage(host, this.#config.tail_storage);
    const { policies, unavailable } = this.#policies;
    if (unavailable !== undefined) throw new Error(unavailable);
    const sampler = new TailSampler(this.#settings, this.#config, policies);
    this.#sampler = sampler;
    if (this.#config.storage !== undefined) await this.#restore(host, this.#config.storage, sampler);
    this.#timer = this.#settings.clock.every(TICK, () => this.#tick());
  }

  consume(batch: Telemetry): void | Promise<void> {
    const sampler = this.#sampler;
    if (sampler === undefined || this.#stopping !== undefined) throw this.#refuse(batch);
    if (this.#config.block_on_overflow && (sampler.full || this.#waiting > 0)) return this.#takeLater(batch, sampler);
    return this.#take(batch, sampler);
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #take(batch: Telemetry, sampler: TailSampler): void | Promise<void> {
    sampler.take(batch, this.#groups);
    batch.release();
    // spans of traces that are decided already do not wait
    const sent = this.#send(sampler);
    const kept = sampler.ledger.journal?.flushSpans()?.catch((error: unknown) => this.#notKept(error));
    if (kept === undefined) return sent;
    return sent === undefined ? kept : kept.then(() => sent);
  }

  async #restore(host: Host, extension: string, sampler: TailSampler): Promise<void> {
    const { kind, name, pipeline } = this.#settings;
    // a processor runs once per pipeline
    const client = await openStorage(host, extension, { kind, id: name, name: pipeline ?? '' });
    const { num_traces: traces, decision_cache: cache } = this.#config;
    await sampler.ledger.restore(
      new Journal(client, Math.max(traces, cache.sampled_cache_size, cache.non_sampled_cache_size)),
    );
  }

  /** The spans go on from memory; only a crash would lose them. */
  #notKept(error: unknown): void {
    const fields = { error: (error as Error).message, storage: this.#config.storage };
    this.#settings.logger.error('Spans or decisions could not be kept over a restart', fields);
  }

  /** A batch is taken in as a whole, so the limit may be passed by the traces of one batch. */
  async #takeLater(batch: Telemetry, sampler: TailSampler): Promise<void> {
    this.#waiting++;
    const before = this.#line;
    let done = () => {};
    this.#line = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    while (sampler.full && this.#stopping === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#waiting--;
    done();
    if (this.#stopping !== undefined) throw this.#refuse(batch);
    await this.#take(batch, sampler);
  }

  #refuse(batch: Telemetry): PipelineError {
    batch.release();
    return new PipelineError('tail_sampling is not running');
  }

  /** Ticks that come while the one before is still at work are made up for. */
  #tick(): void {
    this.#ticks++;
    if (this.#deciding !== undefined || this.#sampler === undefined) return;
    this.#deciding = this.#decideTicks(this.#sampler).finally(() => {
      this.#deciding = undefined;
    });
  }

  async #decideTicks(sampler: TailSampler): Promise<void> {
    for (; this.#ticks > 0; this.#ticks--) {
      sampler.ledger.traces.batches.advance();
      await this.#decideDue(sampler);
      await sampler.ledger.journal?.flushDecisions().catch((error: unknown) => this.#notKept(error));
      sampler.ledger.traces.compact();
      this.#wake?.();
    }
  }

  /** Decides about all traces that are due, a slice at a time. */
  async #decideDue(sampler: TailSampler, reason?: Reason): Promise<void> {
    const { clock } = this.#settings;
    const begun = clock.monotonic();
    let slice = 0;
    let since = begun;
    for (;;) {
      const spans = sampler.decideNext(reason);
      if (spans === undefined) break;
      slice += spans + 1;
      if (sampler.ledger.outbox.spans >= BATCH_SPANS) {
        const sent = this.#send(sampler);
        if (sent !== undefined) await sent;
      }
      if (slice < SLICE_SPANS && clock.monotonic() - since < SLICE_MILLIS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      slice = 0;
      since = clock.monotonic();
    }
    sampler.ledger.metrics.flush(clock.monotonic() - begun, sampler.ledger.traces.table.size);
    await this.#send(sampler);
  }

  /** Never rejects: the spans were accepted long ago, so what is refused is lost. */
  #send(sampler: TailSampler): void | Promise<void> {
    const batch = sampler.ledger.outbox.take();
    if (batch === undefined) return;
    const { items } = batch;
    try {
      const outcome = this.#next.consume(batch);
      return outcome?.catch((error: unknown) => this.#lost(sampler, items, error));
    } catch (error) {
      this.#lost(sampler, items, error);
    }
  }

  #lost(sampler: TailSampler, spans: number, error: unknown): void {
    sampler.ledger.metrics.lost(spans);
    const fields = { error: (error as Error).message, lost_spans: spans };
    this.#settings.logger.warn('Error sending spans to destination', fields);
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    const sampler = this.#sampler;
    if (sampler === undefined) return;
    // what waits for room is told to come again elsewhere; it was not accepted
    await Promise.resolve();
    this.#wake?.();
    await this.#deciding;
    if (sampler.ledger.journal !== undefined) return this.#keepAll(sampler.ledger.journal);
    if (this.#config.drop_pending_traces_on_shutdown) return;
    sampler.ledger.traces.batches.advanceToEnd();
    await this.#decideDue(sampler, Reason.SHUTDOWN);
  }

  /** What is undecided waits for the next process. */
  async #keepAll(journal: Journal): Promise<void> {
    await journal.flushDecisions().catch((error: unknown) => this.#notKept(error));
    await journal.close().catch((error: unknown) => this.#notKept(error));
  }
}

function refuseTailStorage(host: Host, id: string | undefined): void {
  if (id === undefined) return;
  const found = host.extension(id) !== undefined;
  throw new Error(found ? `non-tail-storage extension '${id}' found` : `tail storage extension '${id}' not found`);
}
