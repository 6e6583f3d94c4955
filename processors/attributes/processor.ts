import { AttributeActions } from '../../core/attraction/actions.ts';
import { KernelActions } from '../../core/attraction/kernel.ts';
import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { rewriteThen } from '../../core/otlp/edit/rewrite-then.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import { LogTag } from '../../core/otlp/readers/log-record.ts';
import { SpanTag } from '../../core/otlp/readers/span.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { visitorFor } from './visitors.ts';

/** The tag of the attributes of items; data points lie deeper, where the kernel does not look. */
const ATTRIBUTES: Readonly<Partial<Record<Signal, number>>> = { traces: SpanTag.ATTRIBUTES, logs: LogTag.ATTRIBUTES };

/** Changes the attributes of items one batch at a time; what is not changed stays the bytes that came. */
export class AttributesProcessor implements Processor {
  readonly #actions: AttributeActions;
  readonly #kernel: KernelActions | undefined;
  readonly #rewriter: Rewriter;
  readonly #next: Consumer;

  /** Throws the collector's message for an action or a match that makes no sense. */
  constructor({ logger, signals }: Settings, config: Config, next: Consumer) {
    this.#actions = new AttributeActions(config.actions, logger);
    const signal = signals[0] ?? 'traces';
    this.#rewriter = new Rewriter(visitorFor(signal, config, this.#actions));
    const tag = ATTRIBUTES[signal];
    const all = config.include === undefined && config.exclude === undefined;
    this.#kernel = all && tag !== undefined ? KernelActions.of(config.actions, tag) : undefined;
    this.#next = next;
  }

  start(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    const edited = this.#kernel?.edit(batch);
    if (edited !== undefined) return this.#next.consume(edited);
    this.#actions.begin(batch.context);
    return rewriteThen(this.#rewriter, batch, this.#next);
  }

  shutdown(): void {}
}
