import type { Consumer, Processor, Settings } from '../../core/component.ts';
import { SpanMatcher } from '../../core/match/spans.ts';
import type { SpanEditor } from '../../core/otlp/edit/item-editors.ts';
import { rewriteThen } from '../../core/otlp/edit/rewrite-then.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import type { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanReader, SpanStatus } from '../../core/otlp/readers/span.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { AttributesFromName, NameFromAttributes } from './names.ts';

const CODES: ReadonlyMap<string, number> = new Map([
  ['Unset', SpanStatus.UNSET],
  ['Ok', SpanStatus.OK],
  ['Error', SpanStatus.ERROR],
]);

/** Changes names and status of spans, in this order: name from attributes, attributes from name, status. */
export class SpanProcessor implements Processor {
  readonly #matcher: SpanMatcher;
  readonly #fromAttributes: NameFromAttributes;
  readonly #toAttributes: AttributesFromName;
  readonly #status: { readonly code: number; readonly message: Buffer } | undefined;
  readonly #rewriter: Rewriter;
  readonly #next: Consumer;
  readonly #span = new SpanReader();

  /** Throws the collector's message for a configuration that makes no sense. */
  constructor(_: Settings, config: Config, next: Consumer) {
    check(config);
    this.#matcher = new SpanMatcher(config);
    this.#fromAttributes = new NameFromAttributes(config.name);
    this.#toAttributes = new AttributesFromName(config.name.to_attributes);
    const { status } = config;
    this.#status = status && { code: CODES.get(status.code) ?? 0, message: Buffer.from(status.description) };
    this.#rewriter = new Rewriter({
      resource: (_, at) => this.#matcher.enterResource(at),
      scope: (_, at) => this.#matcher.enterScope(at),
      span: (span, at) => this.#change(span, at),
    });
    this.#next = next;
  }

  start(): void {}

  consume(batch: Telemetry): void | Promise<void> {
    return rewriteThen(this.#rewriter, batch, this.#next);
  }

  shutdown(): void {}

  #change(span: SpanEditor, { buffer, memberStart, memberEnd }: Groups): true {
    if (!this.#matcher.matches(buffer, memberStart, memberEnd)) return true;
    let name = this.#fromAttributes.nameOf(span.attributes);
    let renamed = name !== undefined;
    if (this.#toAttributes.used) {
      const before = name ?? this.#span.read(buffer, memberStart, memberEnd).name;
      name = this.#toAttributes.extract(before, span.attributes);
      renamed ||= name !== before;
    }
    if (renamed && name !== undefined) span.setName(Buffer.from(name));
    if (this.#status !== undefined) span.setStatus(this.#status.code, this.#status.message);
    return true;
  }
}

function check({ name, status }: Config): void {
  const fail = (what: string) => new Error(`error creating "span" processor: ${what}`);
  if (name.from_attributes.length === 0 && (name.to_attributes?.rules ?? []).length === 0 && status === undefined) {
    throw fail(
      'either "from_attributes" or "to_attributes" must be specified in "name:" or "setStatus" must be specified',
    );
  }
  if (status === undefined) return;
  if (!CODES.has(status.code)) {
    throw fail('"status" must have specified "code" as "Ok" or "Error" or "Unset"');
  }
  if (status.description !== '' && status.code !== 'Error') {
    throw fail('"description" can be specified only for "code" "Error"');
  }
}
