import { AttributeActions } from '../../core/attraction/actions.ts';
import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { rewriteThen } from '../../core/otlp/edit/rewrite-then.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { visitorFor } from './visitors.ts';

/** Changes the attributes of items one batch at a time; what is not changed stays the bytes that came. */
export class AttributesProcessor implements Processor {
  readonly #actions: AttributeActions;
  readonly #rewriter: Rewriter;
  readonly #next: Consumer;

  /** Throws the collector's message for an action or a match that makes no sense. */
  constructor({ logger, signals }: Settings, config: Config, next: Consumer) {
    this.#actions = new AttributeActions(config.actions, logger);
    this.#rewriter = new Rewriter(visitorFor(signals[0] ?? 'traces', config, this.#actions));
    this.#next = next;
  }

  start(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    this.#actions.begin(batch.context);
    return rewriteThen(this.#rewriter, batch, this.#next);
  }

  shutdown(): void {}
}
