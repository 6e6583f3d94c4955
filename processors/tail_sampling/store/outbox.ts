import { Rewriter } from '../../../core/otlp/edit/rewriter.ts';
import { copyBytes } from '../../../core/otlp/edit/writer.ts';
import { GROUP } from '../../../core/otlp/readers/groups.ts';
import { encodeValue } from '../../../core/otlp/value-encode.ts';
import { varintSize, writeVarint } from '../../../core/otlp/wire.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../../../core/telemetry/context.ts';
import { type Slab, slabs } from '../../../core/telemetry/slab.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';

interface OpenRange {
  readonly buffer: Buffer;
  readonly start: number;
  end: number;
  readonly slab: Slab;
}

const SAMPLED_BY = Buffer.from('tailsampling.policy');
const SAMPLED_BY_SUB_POLICY = Buffer.from('tailsampling.composite_policy');
const FROM_CACHE = Buffer.from('tailsampling.cached_decision');
const TRUE = encodeValue(true);

/** What the scopes of a trace are told about its decision, where that is wanted. */
export interface Label {
  readonly policy: string | undefined;
  readonly compositePolicy?: string | undefined;
  readonly cached?: boolean;
}

export const NO_LABEL: Label = { policy: undefined };

/** Collects sampled spans until they are sent as one batch. Bytes are written once, into pooled memory. */
export class Outbox {
  spans = 0;
  #ranges: OpenRange[] = [];
  #label: Label = NO_LABEL;
  readonly #labeller: Rewriter | undefined;
  readonly #context: RequestContext;

  /** `labels`: whether scopes are told which policy sampled their spans; `context` is put on the batches. */
  constructor(labels: boolean, context: RequestContext = EMPTY_CONTEXT) {
    this.#context = context;
    if (!labels) return;
    this.#labeller = new Rewriter({
      scope: ({ attributes }) => {
        const { policy, compositePolicy, cached } = this.#label;
        if (compositePolicy !== undefined) attributes.upsert(SAMPLED_BY_SUB_POLICY, encodeValue(compositePolicy));
        if (policy !== undefined) attributes.upsert(SAMPLED_BY, encodeValue(policy));
        if (cached === true) attributes.upsert(FROM_CACHE, TRUE);
      },
    });
  }

  /** How long a resource group with so long a resource and scope groups is. */
  static groupLength(resource: number, run: number): number {
    const content = (resource === 0 ? 0 : 1 + varintSize(resource) + resource) + run;
    return 1 + varintSize(content) + content;
  }

  /** Writes the beginning of a resource group; `run` bytes of scope groups are to follow. */
  static writeHead(target: Buffer, at: number, resource: Buffer, start: number, end: number, run: number): number {
    const length = end - start;
    const content = (length === 0 ? 0 : 1 + varintSize(length) + length) + run;
    target[at] = GROUP;
    let position = writeVarint(target, at + 1, content);
    if (length === 0) return position;
    target[position] = GROUP;
    position = writeVarint(target, position + 1, length);
    return copyBytes(resource, start, end, target, position);
  }

  /** Room for `length` bytes, which `write` fills from the given place on. */
  add(length: number, spans: number, label: Label, write: (target: Buffer, at: number) => void): void {
    const { slab, start } = slabs.allocate(length);
    write(slab.buffer, start);
    this.spans += spans;
    const range = { buffer: slab.buffer, start, end: start + length, slab };
    if (this.#labeller === undefined || label === NO_LABEL) this.#append(range);
    else this.#appendLabelled(this.#labeller, range, spans, label);
  }

  /** Everything since the last call; undefined where there is nothing. */
  take(): Telemetry | undefined {
    if (this.#ranges.length === 0) return undefined;
    const batch = new Telemetry('traces', this.#ranges, this.spans, this.#context);
    this.#ranges = [];
    this.spans = 0;
    return batch;
  }

  /** What lies in a row becomes one range. Takes over the reference to the slab. */
  #append(range: OpenRange): void {
    const last = this.#ranges.at(-1);
    if (last === undefined || last.slab !== range.slab || last.end !== range.start) {
      this.#ranges.push(range);
      return;
    }
    last.end = range.end;
    range.slab.release();
  }

  #appendLabelled(labeller: Rewriter, range: OpenRange, spans: number, label: Label): void {
    this.#label = label;
    const labelled = labeller.rewrite(new Telemetry('traces', [range], spans));
    for (const { buffer, start, end, slab } of labelled.ranges) {
      if (slab !== undefined) this.#append({ buffer, start, end, slab });
    }
  }
}
