import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { rewriteThen } from '../../core/otlp/edit/rewrite-then.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { BodyRedactor } from './body.ts';
import type { Config } from './config.ts';
import { AttributeRedactor, Summary } from './redactor.ts';
import { Rules } from './rules.ts';

/** Redacts the attributes of resources, scopes, spans and their events, log records and data points, and log bodies. */
export class RedactionProcessor implements Processor {
  readonly #rewriter: Rewriter;
  readonly #next: Consumer;

  /** Throws the collector's message for a pattern that does not compile. */
  constructor(_: Settings, config: Config, next: Consumer) {
    refuseUnsupported(config);
    const rules = new Rules(config);
    const summary = new Summary(config);
    const redactor = new AttributeRedactor(rules, summary, config);
    const bodies = new BodyRedactor(rules, summary);
    this.#rewriter = new Rewriter({
      resource: ({ attributes }) => redactor.redact(attributes),
      scope: ({ attributes }) => redactor.redact(attributes),
      span(span) {
        redactor.redact(span.attributes);
        span.eachEvent((event) => {
          redactor.redact(event.attributes);
          return true;
        });
        return true;
      },
      log(record) {
        redactor.redact(record.attributes);
        bodies.redact(record);
        return true;
      },
      point({ attributes }) {
        redactor.redact(attributes);
        return true;
      },
    });
    this.#next = next;
  }

  start(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    return rewriteThen(this.#rewriter, batch, this.#next);
  }

  shutdown(): void {}
}

/** Data that was to be sanitized must not pass as it is. */
function refuseUnsupported({ url_sanitizer, db_sanitizer }: Config): void {
  const { sanitize_span_name: _, ...kinds } = db_sanitizer;
  const databases = Object.entries(kinds).filter(([, { enabled }]) => enabled);
  const names = databases.map(([name]) => `db_sanitizer.${name}`);
  if (url_sanitizer.enabled) names.unshift('url_sanitizer');
  if (names.length > 0) throw new Error(`not supported yet: ${names.join(', ')}`);
}
