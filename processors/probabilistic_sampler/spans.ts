import { goParseFloat } from '../../core/attraction/go-numbers.ts';
import type { SpanEditor } from '../../core/otlp/edit/item-editors.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import { SpanReader, SpanTag } from '../../core/otlp/readers/span.ts';
import { ValueReader, ValueType } from '../../core/otlp/value.ts';
import { ALWAYS, type Bits56, NEVER } from '../../core/sampling/threshold.ts';
import { ID_LENGTH, isZeroId } from '../../core/sampling/trace-id.ts';
import { TraceState } from '../../core/sampling/trace-state.ts';
import { type Item, Policy } from './sampler.ts';

const PRIORITY = Buffer.from('sampling.priority');
/** What is mostly written: `ot=rv:…;th:…` with 14 and a few digits. */
const USUAL_LENGTH = 30;

/** A span whose sampling shows in its tracestate. */
export class SpanItem implements Item {
  readonly carrier = new TraceState();
  readonly marksMissing = true;
  readonly hashPolicy = Policy.TRACE_ID_HASH;
  readable = true;
  buffer: Buffer = Buffer.alloc(0);
  hashStart = 0;
  hashEnd = 0;
  traceIdAt = -1;
  readonly #reader = new SpanReader();
  readonly #value = new ValueReader();

  read(span: SpanEditor): this {
    const reader = this.#reader.read(span.buffer, span.start, span.end);
    this.buffer = span.buffer;
    this.traceIdAt = isZeroId(span.buffer, reader.traceIdAt) ? -1 : reader.traceIdAt;
    this.readable = this.carrier.parse(span.buffer, reader.traceStateStart, reader.traceStateEnd);
    return this;
  }

  findHashed(): boolean {
    this.hashStart = this.traceIdAt;
    this.hashEnd = this.traceIdAt + ID_LENGTH;
    return this.traceIdAt >= 0;
  }

  /** `sampling.priority` as OpenTracing has it, whatever type it came to be on the way here. */
  priority(): Readonly<Bits56> | undefined {
    const { attributes } = this.#reader;
    if (!attributes.find(PRIORITY)) return undefined;
    const priority = this.#numberOf(attributes);
    if (priority === 0) return NEVER;
    return priority > 0 ? ALWAYS : undefined;
  }

  write(span: SpanEditor): void {
    const { scratch } = span;
    const start = scratch.length;
    scratch.open(SpanTag.TRACE_STATE, USUAL_LENGTH);
    const content = scratch.length;
    this.carrier.writeTo(scratch);
    const empty = scratch.length === content;
    scratch.close();
    if (empty) scratch.truncate(start);
    if (this.#reader.traceStateStart === this.#reader.traceStateEnd) span.append(start, scratch.length);
    else span.setField(SpanTag.TRACE_STATE, start, scratch.length);
  }

  /** NaN for what is no number. */
  #numberOf(attributes: Attributes): number {
    const value = this.#value.read(attributes.buffer, attributes.valueStart, attributes.valueEnd);
    if (value.type === ValueType.INT) return Number(value.int);
    if (value.type === ValueType.DOUBLE) return value.double;
    return value.type === ValueType.STRING ? (goParseFloat(value.string) ?? Number.NaN) : Number.NaN;
  }
}
