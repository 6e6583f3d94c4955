import { AttributeActions } from '../../core/attraction/actions.ts';
import { KernelActions, OF_RESOURCES } from '../../core/attraction/kernel.ts';
import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { rewriteThen } from '../../core/otlp/edit/rewrite-then.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';

/** Changes the attributes of resources; items are copied as they are. */
export class ResourceProcessor implements Processor {
  readonly #actions: AttributeActions;
  readonly #kernel: KernelActions | undefined;
  readonly #rewriter: Rewriter;
  readonly #next: Consumer;

  /** Throws the collector's message for an action that makes no sense. */
  constructor({ logger }: Settings, config: Config, next: Consumer) {
    const actions = new AttributeActions(config.attributes, logger);
    this.#actions = actions;
    this.#kernel = KernelActions.of(config.attributes, OF_RESOURCES);
    this.#rewriter = new Rewriter({ resource: (resource) => actions.apply(resource.attributes) });
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
