import type { Timer } from '../../core/clock.ts';
import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { type ByteRange, Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, capacityOf } from './config.ts';
import { GroupByTraceMetrics } from './metrics.ts';
import { TraceSplitter } from './splitter.ts';

interface Trace {
  readonly groups: ByteRange[];
  /** On the monotonic clock. */
  readonly due: number;
  spans: number;
}

/** Traces that the next component has not answered for; with more, callers wait. As many as the collector's events. */
const MAX_SENDING = 10_000;
const ENDS = ['onTraceExpired', 'onTraceReleased', 'onTraceRemoved'] as const;
/** Least time between two log lines about evicted traces; the counter has every one. */
const LOG_INTERVAL_MS = 60_000;

/**
 * Holds the spans of each trace from its first span on for `wait_duration`. All traces wait equally long, so they are
 * due in the order in which they came, which is the order of the map.
 */
export class GroupByTrace implements Processor {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #metrics: GroupByTraceMetrics;
  readonly #splitter = new TraceSplitter();
  readonly #traces = new Map<string, Trace>();
  /** As configured. */
  readonly #numTraces: number;
  readonly #capacity: number;
  readonly #maxSending: number;
  readonly #wait: number;
  readonly #sending = new Set<Promise<void>>();
  readonly #callers: (() => void)[] = [];
  #timer: Timer | undefined;
  #evictionLogged = Number.NEGATIVE_INFINITY;
  #endObservation = () => {};
  #stopping: Promise<void> | undefined;

  constructor(settings: Settings, config: Config, next: Consumer, maxSending = MAX_SENDING) {
    this.#settings = settings;
    this.#maxSending = maxSending;
    this.#next = next;
    this.#metrics = new GroupByTraceMetrics(settings);
    this.#numTraces = config.num_traces;
    this.#capacity = capacityOf(config);
    this.#wait = Math.max(0, config.wait_duration);
  }

  start(): void {
    const levels = { traces: () => this.#traces.size, waiting: () => this.#callers.length };
    this.#endObservation = this.#metrics.observe(this.#numTraces, levels);
  }

  consume(batch: Telemetry): void | Promise<void> {
    if (this.#stopping === undefined && this.#sending.size < this.#maxSending) return this.#take(batch);
    if (this.#stopping === undefined) {
      return new Promise<void>((admit) => this.#callers.push(admit)).then(() => this.#take(batch));
    }
    batch.release();
    throw new PipelineError('the groupbytrace processor has stopped');
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#timer?.cancel();
    this.#endObservation();
    for (const admit of this.#callers.splice(0)) admit();
    // those who were admitted take in first
    await Promise.resolve();
    this.#release(Number.POSITIVE_INFINITY);
    await Promise.all(this.#sending);
  }

  #take(batch: Telemetry): void {
    const { clock } = this.#settings;
    const now = clock.monotonic();
    let evicted = 0;
    let received = 0;
    this.#splitter.split(batch, (traceId, buffer, spans) => {
      received++;
      let trace = this.#traces.get(traceId);
      if (trace === undefined) {
        evicted += this.#evict();
        trace = { groups: [], due: now + this.#wait, spans: 0 };
        this.#traces.set(traceId, trace);
      }
      trace.groups.push({ buffer, start: 0, end: buffer.length });
      trace.spans += spans;
    });
    batch.release();
    this.#reportEvicted(evicted, now);
    this.#metrics.took('onTraceReceived', clock.monotonic() - now, received);
    if (this.#stopping === undefined && this.#traces.size > 0) this.#startTimer(now);
  }

  /** Makes room for one trace; tells how many it cost. */
  #evict(): number {
    if (this.#traces.size < this.#capacity) return 0;
    const [oldest] = this.#traces.keys();
    this.#traces.delete(oldest as string);
    return 1;
  }

  #reportEvicted(count: number, now: number): void {
    if (count === 0) return;
    this.#metrics.evicted.add(count);
    this.#metrics.incomplete.add(count);
    if (now - this.#evictionLogged < LOG_INTERVAL_MS) return;
    this.#evictionLogged = now;
    this.#settings.logger.warn('Traces are dropped: num_traces is too small for the wait_duration', { evicted: count });
  }

  #startTimer(now: number): void {
    if (this.#timer !== undefined) return;
    const [oldest] = this.#traces.values();
    if (oldest === undefined) return;
    this.#timer = this.#settings.clock.after(oldest.due - now, () => this.#expire());
  }

  #expire(): void {
    const { clock } = this.#settings;
    const now = clock.monotonic();
    this.#timer = undefined;
    const released = this.#release(now);
    const after = clock.monotonic();
    for (const event of ENDS) this.#metrics.took(event, (after - now) / ENDS.length, released);
    this.#startTimer(after);
  }

  /** Hands on what is due; tells how many traces. */
  #release(now: number): number {
    let released = 0;
    for (const [traceId, trace] of this.#traces) {
      if (trace.due > now) break;
      this.#traces.delete(traceId);
      this.#metrics.released(trace.spans);
      this.#send(new Telemetry('traces', trace.groups, trace.spans));
      released++;
    }
    return released;
  }

  #send(trace: Telemetry): void {
    const { items } = trace;
    const fail = (error: unknown) => this.#lose(items, PipelineError.from(error));
    let running: void | Promise<void>;
    try {
      running = this.#next.consume(trace);
    } catch (error) {
      fail(error);
      return;
    }
    if (running === undefined) return;
    const sending = running.catch(fail).then(() => {
      this.#sending.delete(sending);
      this.#callers.shift()?.();
    });
    this.#sending.add(sending);
  }

  #lose(spans: number, error: PipelineError): void {
    this.#metrics.lost(spans);
    this.#settings.logger.error('consume failed', { error: error.message, lost_spans: spans });
  }
}
