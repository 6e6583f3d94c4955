import type { Consumer, Processor, Settings } from '../../core/component.ts';
import type { Counter } from '../../core/meter.ts';
import type { MessageEditor } from '../../core/otlp/edit/message-editor.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { LogItem } from './logs.ts';
import { type Item, POLICIES, Sampler } from './sampler.ts';
import { SpanItem } from './spans.ts';

/** What the collector calls the items in its metrics. */
const WORD: Readonly<Partial<Record<Signal, string>>> = { traces: 'traces', logs: 'logs' };

/** Keeps a share of the items; which ones follows from the items, not from chance, so that others decide alike. */
export class ProbabilisticSampler implements Processor {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #next: Consumer;
  readonly #rewriter: Rewriter;
  /** Decisions in the current batch, by policy and whether kept. */
  readonly #counts = new Uint32Array(POLICIES.length * 2);
  readonly #counters: (Counter | undefined)[] = [];
  #unreadable = 0;

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    const sampler = new Sampler(config);
    const span = new SpanItem();
    const log = new LogItem(config);
    this.#rewriter = new Rewriter({
      dropsEmpty: true,
      span: (editor) => this.#visit(sampler, span.read(editor), span, editor),
      log: (editor) => this.#visit(sampler, log.read(editor), log, editor),
    });
  }

  start(): void {}
  shutdown(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    const { signal } = batch;
    const rest = this.#rewriter.rewrite(batch);
    this.#report(signal);
    if (rest.items > 0) return this.#next.consume(rest);
    rest.release();
  }

  #visit<E extends MessageEditor>(
    sampler: Sampler,
    item: Item,
    writer: { write(editor: E): void },
    editor: E,
  ): boolean {
    const kept = sampler.sample(item);
    this.#counts[sampler.policy * 2 + (kept ? 1 : 0)]!++;
    if (!item.readable) this.#unreadable++;
    if (kept && sampler.writes) writer.write(editor);
    return kept;
  }

  #report(signal: Signal): void {
    for (let i = 0; i < this.#counts.length; i++) {
      const count = this.#counts[i] as number;
      if (count === 0) continue;
      this.#counts[i] = 0;
      this.#counters[i] ??= this.#counter(signal, i);
      this.#counters[i]?.add(count);
    }
    if (this.#unreadable > 0) {
      this.#settings.logger.info('Sampling information cannot be read', { items: this.#unreadable });
      this.#unreadable = 0;
    }
  }

  #counter(signal: Signal, index: number): Counter {
    const word = WORD[signal];
    const policy = POLICIES[index >> 1] || this.#config.from_attribute;
    return this.#settings.meter.counter(
      {
        name: `otelcol_processor_probabilistic_sampler_count_${word}_sampled`,
        description: `Count of ${word} that were sampled or not [Development]`,
        unit: '1',
      },
      { policy, sampled: index % 2 === 1 ? 'true' : 'false' },
    );
  }
}
