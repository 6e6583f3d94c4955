import { goParseFloat } from '../../core/attraction/go-numbers.ts';
import type { SpanEditor } from '../../core/otlp/edit/item-editors.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { SpanTag } from '../../core/otlp/readers/span.ts';
import { ValueReader, ValueType } from '../../core/otlp/value.ts';
import { idAt, next, readVarint, skipValue } from '../../core/otlp/wire.ts';
import { ALWAYS, type Bits56, NEVER } from '../../core/sampling/threshold.ts';
import { ID_LENGTH, isZeroId } from '../../core/sampling/trace-id.ts';
import { TraceState } from '../../core/sampling/trace-state.ts';
import { type Item, Policy } from './sampler.ts';

/** The tag of the key in an attribute. */
const KEY = 0x0a;
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
  readonly #value = new ValueReader();
  readonly #attributes = new Attributes();
  #start = 0;
  #end = 0;
  #stateStart = 0;
  #stateEnd = 0;
  /** Whether one of the attributes may be the priority. */
  #mayHavePriority = false;

  /** Looks at three of the fields only, in one go: this is what a span costs that is dropped. */
  read({ buffer, start, end }: SpanEditor): this {
    this.buffer = buffer;
    this.#start = start;
    this.#end = end;
    this.traceIdAt = -1;
    this.#stateStart = this.#stateEnd = end;
    this.#mayHavePriority = false;
    let position = start;
    while (position < end) {
      const tag = readVarint(buffer, position);
      const value = next;
      position = skipValue(buffer, value, tag);
      if (tag === SpanTag.ATTRIBUTES) this.#readAttribute(value);
      else if (tag === SpanTag.TRACE_ID) this.traceIdAt = idAt(buffer, value, position);
      else if (tag === SpanTag.TRACE_STATE) {
        readVarint(buffer, value);
        this.#stateStart = next;
        this.#stateEnd = position;
      }
    }
    if (isZeroId(buffer, this.traceIdAt)) this.traceIdAt = -1;
    this.readable = this.carrier.parse(buffer, this.#stateStart, this.#stateEnd);
    return this;
  }

  findHashed(): boolean {
    this.hashStart = this.traceIdAt;
    this.hashEnd = this.traceIdAt + ID_LENGTH;
    return this.traceIdAt >= 0;
  }

  /** `sampling.priority` as OpenTracing has it, whatever type it came to be on the way here. */
  priority(): Readonly<Bits56> | undefined {
    if (!this.#mayHavePriority) return undefined;
    const attributes = this.#attributes.set(this.buffer, this.#start, this.#end, SpanTag.ATTRIBUTES);
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
    if (this.#stateStart === this.#stateEnd) span.append(start, scratch.length);
    else span.setField(SpanTag.TRACE_STATE, start, scratch.length);
  }

  /** Most keys differ in their length already; whether a key is the priority is asked where it matters. */
  #readAttribute(value: number): void {
    const { buffer } = this;
    let entry = value + 1;
    if ((buffer[value] as number) >= 0x80) {
      readVarint(buffer, value);
      entry = next;
    }
    if (buffer[entry] !== KEY || buffer[entry + 1] === PRIORITY.length) this.#mayHavePriority = true;
  }

  /** NaN for what is no number. */
  #numberOf(attributes: Attributes): number {
    const value = this.#value.read(attributes.buffer, attributes.valueStart, attributes.valueEnd);
    if (value.type === ValueType.INT) return Number(value.int);
    if (value.type === ValueType.DOUBLE) return value.double;
    return value.type === ValueType.STRING ? (goParseFloat(value.string) ?? Number.NaN) : Number.NaN;
  }
}
