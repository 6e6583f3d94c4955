import { Writer } from '../../core/otlp/edit/writer.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { ValueReader, ValueType } from '../../core/otlp/value.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { writeAttributes, writeBytes, writeTag } from './key-values.ts';
import { SpanTag, SpanWriter } from './span-writer.ts';

/** A `PostSpansRequest` and how many spans are in it. */
export interface Request {
  readonly bytes: Buffer;
  readonly spans: number;
}

/**
 *   PostSpansRequest: batch 1 Batch
 *   Batch: spans 1 repeated Span, process 2 Process
 *   Process: service_name 1 string, tags 2 repeated KeyValue
 */
const BATCH = (1 << 3) | 2;
const SPAN = (1 << 3) | 2;
const PROCESS = (2 << 3) | 2;
const SERVICE_NAME = (1 << 3) | 2;
const PROCESS_TAG = (2 << 3) | 2;

const SERVICE_NAME_KEY = Buffer.from('service.name');
/** What the collector writes for a resource without attributes. */
const NO_RESOURCE = Buffer.from('OTLPResourceNoServiceName');
/** Tags and lengths of a batch and of the process in it. */
const ENVELOPE = 32;

/**
 * The requests for a batch, in the order of its spans: one for each resource, or more where it would have more than
 * `maxBytes`; a larger span is a request of its own.
 */
export class RequestEncoder {
  readonly #groups = new Groups();
  readonly #attributes = new Attributes();
  readonly #value = new ValueReader();
  readonly #scope = new ScopeReader();
  readonly #span = new SpanReader();
  readonly #spans = new Writer();
  readonly #parts = new Writer();
  readonly #spanWriter = new SpanWriter();
  #process: Buffer = NO_RESOURCE;

  encode(batch: Telemetry, maxBytes: number): Request[] {
    const requests: Request[] = [];
    const at = this.#groups.open(batch);
    this.#spans.clear();
    while (at.nextResource()) {
      this.#process = this.#encodeProcess(at);
      let count = 0;
      while (at.nextScope()) {
        const scopeTags = this.#encodeScope(at);
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

  #encodeProcess({ buffer, resourceStart, resourceEnd }: Groups): Buffer {
    const list = this.#attributes.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES);
    const writer = this.#parts;
    if (list.count() === 0) writer.field(SERVICE_NAME, NO_RESOURCE);
    else {
      if (list.find(SERVICE_NAME_KEY)) {
        const value = this.#value.read(buffer, list.valueStart, list.valueEnd);
        if (value.type === ValueType.STRING) writeBytes(writer, SERVICE_NAME, buffer, value.start, value.end);
      }
      writeAttributes(writer, PROCESS_TAG, list, SERVICE_NAME_KEY);
    }
    return writer.toBuffer();
  }

  /** The tags that all spans of the scope have. */
  #encodeScope({ buffer, scopeStart, scopeEnd }: Groups): Buffer {
    const scope = this.#scope.read(buffer, scopeStart, scopeEnd);
    const name = buffer.subarray(scope.nameStart, scope.nameEnd);
    const version = buffer.subarray(scope.versionStart, scope.versionEnd);
    if (name.length > 0) writeTag(this.#parts, SpanTag.TAG, 'otel.scope.name', name);
    if (version.length > 0) writeTag(this.#parts, SpanTag.TAG, 'otel.scope.version', version);
    return this.#parts.toBuffer();
  }
}
