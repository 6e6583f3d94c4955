import type { Clock } from '../../core/clock.ts';
import type { Consumer } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import type { Counter, Histogram, Meter } from '../../core/meter.ts';
import { ITEM_NAME, type Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/**
 * What the graph puts around components, so that they hold no counters of their own. All count once per batch.
 * Names, labels and the moment of counting are those of the collector's receiver and processor helpers.
 */

interface ReceiverCounters {
  readonly accepted: Counter;
  readonly refused: Counter;
  readonly failed: Counter;
}

/** Between a receiver and its pipelines, for one signal: accepted, refused and failed items by transport. */
export class ReceiverEdge implements Consumer {
  readonly #next: Consumer;
  readonly #meter: Meter;
  readonly #receiver: string;
  readonly #items: string;
  readonly #counters = new Map<string, ReceiverCounters>();

  constructor(next: Consumer, meter: Meter, receiver: string, signal: Signal) {
    this.#next = next;
    this.#meter = meter;
    this.#receiver = receiver;
    this.#items = ITEM_NAME[signal];
  }

  consume(batch: Telemetry): void | Promise<void> {
    const counters = this.#counters.get(batch.context.transport) ?? this.#add(batch.context.transport);
    const { items } = batch;
    let pending: void | Promise<void>;
    try {
      pending = this.#next.consume(batch);
    } catch (error) {
      counters.refused.add(items);
      throw error;
    }
    if (pending === undefined) {
      counters.accepted.add(items);
      return;
    }
    return pending.then(
      () => counters.accepted.add(items),
      (error: unknown) => {
        counters.refused.add(items);
        throw error;
      },
    );
  }

  watermark(partition: string, time: number): void | Promise<void> {
    return this.#next.watermark?.(partition, time);
  }

  #add(transport: string): ReceiverCounters {
    const labels = { receiver: this.#receiver, transport };
    const unit = `{${this.#items}}`;
    const what = this.#items.replace('_', ' ');
    const counter = (outcome: string, description: string): Counter =>
      this.#meter.counter({ name: `otelcol_receiver_${outcome}_${this.#items}`, description, unit }, labels);
    const counters = {
      accepted: counter('accepted', `Number of ${what} successfully pushed into the pipeline. [Alpha]`),
      refused: counter('refused', `Number of ${what} that could not be pushed into the pipeline. [Alpha]`),
      failed: counter(
        'failed',
        `The number of ${what} that failed to be processed by the receiver due to internal errors. [Alpha]`,
      ),
    };
    this.#counters.set(transport, counters);
    return counters;
  }
}

/** Counts what enters a processor, and at level detailed how long it takes without what it calls. */
export class ProcessorEntry implements Consumer {
  readonly #processor: Consumer;
  /** Told of event time where the processor itself is not; undefined where the processor keeps data. */
  readonly #behind: Consumer | undefined;
  readonly #incoming: Counter;
  readonly #stopwatch: Stopwatch | undefined;

  constructor(processor: Consumer, behind: Consumer | undefined, incoming: Counter, stopwatch: Stopwatch | undefined) {
    this.#processor = processor;
    this.#behind = behind;
    this.#incoming = incoming;
    this.#stopwatch = stopwatch;
  }

  consume(batch: Telemetry): void | Promise<void> {
    this.#incoming.add(batch.items);
    if (this.#stopwatch === undefined) return this.#processor.consume(batch);
    return this.#stopwatch.inside(() => this.#processor.consume(batch));
  }

  watermark(partition: string, time: number): void | Promise<void> {
    if (this.#processor.watermark !== undefined) return this.#processor.watermark(partition, time);
    return this.#behind?.watermark?.(partition, time);
  }
}

/** Counts what leaves a processor. */
export class ProcessorExit implements Consumer {
  readonly #next: Consumer;
  readonly #outgoing: Counter;
  readonly #stopwatch: Stopwatch | undefined;

  constructor(next: Consumer, outgoing: Counter, stopwatch: Stopwatch | undefined) {
    this.#next = next;
    this.#outgoing = outgoing;
    this.#stopwatch = stopwatch;
  }

  consume(batch: Telemetry): void | Promise<void> {
    this.#outgoing.add(batch.items);
    if (this.#stopwatch === undefined) return this.#next.consume(batch);
    return this.#stopwatch.outside(() => this.#next.consume(batch));
  }

  watermark(partition: string, time: number): void | Promise<void> {
    return this.#next.watermark?.(partition, time);
  }
}

type Step = () => void | Promise<void>;

/** The synchronous time a processor takes itself: the whole call less the calls it makes to the next consumer. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #histogram: Histogram;
  #outsideMs = 0;

  constructor(clock: Clock, histogram: Histogram) {
    this.#clock = clock;
    this.#histogram = histogram;
  }

  inside(step: Step): void | Promise<void> {
    const start = this.#clock.monotonic();
    this.#outsideMs = 0;
    try {
      return step();
    } finally {
      this.#histogram.record((this.#clock.monotonic() - start - this.#outsideMs) / 1000);
    }
  }

  outside(step: Step): void | Promise<void> {
    const start = this.#clock.monotonic();
    try {
      return step();
    } finally {
      this.#outsideMs += this.#clock.monotonic() - start;
    }
  }
}

/** Around a component that may refuse: makes a PipelineError of whatever it throws and notes who it was. */
export class Blame implements Consumer {
  readonly #component: Consumer;
  readonly #name: string;
  /** Only where the component has it, so that one can see from outside whether it has. */
  readonly watermark?: (partition: string, time: number) => void | Promise<void>;

  constructor(component: Consumer, name: string) {
    this.#component = component;
    this.#name = name;
    if (component.watermark === undefined) return;
    this.watermark = (partition, time) => this.#signed(() => component.watermark?.(partition, time));
  }

  consume(batch: Telemetry): void | Promise<void> {
    let pending: void | Promise<void>;
    try {
      pending = this.#component.consume(batch);
    } catch (error) {
      throw this.#sign(error);
    }
    return pending?.catch((error: unknown) => {
      throw this.#sign(error);
    });
  }

  #signed(step: Step): void | Promise<void> {
    try {
      return step()?.catch((error: unknown) => {
        throw this.#sign(error);
      });
    } catch (error) {
      throw this.#sign(error);
    }
  }

  #sign(error: unknown): PipelineError {
    const signed = PipelineError.from(error);
    signed.component ??= this.#name;
    return signed;
  }
}

/**
 * Before a component that does not promise to release batches (Factory.releases): keeps one reference for ever, so
 * that the memory of what it was given is never used again while it may still read it.
 */
export class KeepMemory implements Consumer {
  readonly #component: Consumer;
  readonly watermark?: (partition: string, time: number) => void | Promise<void>;

  constructor(component: Consumer) {
    this.#component = component;
    if (component.watermark !== undefined) this.watermark = (partition, time) => component.watermark?.(partition, time);
  }

  consume(batch: Telemetry): void | Promise<void> {
    return this.#component.consume(batch.retain());
  }
}
