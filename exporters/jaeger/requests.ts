import { ResourceWriter } from '../../core/jaeger/resource-writer.ts';
import { SpanWriter } from '../../core/jaeger/span-writer.ts';
import { Writer } from '../../core/otlp/edit/writer.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/** A `PostSpansRequest` and how many spans are in it. */
export interface Request {
  readonly bytes: Buffer;
  readonly spans: number;
}

/**
 *   PostSpansRequest: batch 1 Batch
 *   Batch: spans 1 repeated Span, process 2 Process
 */
const BATCH = (1 << 3) | 2;
const SPAN = (1 << 3) | 2;
const PROCESS = (2 << 3) | 2;

/** Tags and lengths of a batch and of the process in it. */
const ENVELOPE = 32;

/**
 * The requests for a batch, in the order of its spans: one for each resource, or more where it would have more than
 * `maxBytes`; a larger span is a request of its own.
 */
export class RequestEncoder {
  readonly #groups = new Groups();
  readonly #resource = new ResourceWriter();
  readonly #span = new SpanReader();
  readonly #spans = new Writer();
  readonly #parts = new Writer();
  readonly #spanWriter = new SpanWriter();
  #process: Buffer = Buffer.alloc(0);

  encode(batch: Telemetry, maxBytes: number): Request[] {
    const requests: Request[] = [];
    const at = this.#groups.open(batch);
    this.#spans.clear();
    while (at.nextResource()) {
      this.#process = this.#resource.process(at);
      let count = 0;
      while (at.nextScope()) {
        const scopeTags = this.#resource.scopeTags(at);
        while (at.nextMember()) {
          const start = this.#spans.length;
          const span = this.#span.read(at.buffer, at.memberStart, at.memberEnd);
          this.#spans.open(SPAN, (at.memberEnd - at.memberStart) * 2);
          this.#spanWriter.write(this.#spans, span, scopeTags);
          this.#spans.close();
          if (count > 0 && this.#spans.length + this.#process.length + ENVELOPE > maxBytes) {
            requests.push(this.#cut(start, count));
            count = 0;
          }
          count++;
        }
      }
      if (count > 0) requests.push(this.#cut(this.#spans.length, count));
    }
    return requests;
  }

  /** The spans up to `end` as a request; those after it stay. */
  #cut(end: number, spans: number): Request {
    const writer = this.#spans;
    const parts = this.#parts;
    parts.open(BATCH, end + this.#process.length);
    parts.copy(writer.buffer, 0, end);
    parts.field(PROCESS, this.#process);
    parts.close();
    writer.buffer.copyWithin(0, end, writer.length);
    writer.truncate(writer.length - end);
    return { bytes: parts.toBuffer(), spans };
  }
}
