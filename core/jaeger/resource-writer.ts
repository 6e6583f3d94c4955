import { Writer } from '../otlp/edit/writer.ts';
import { Attributes } from '../otlp/readers/attributes.ts';
import type { Groups } from '../otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../otlp/readers/scope.ts';
import { ValueReader, ValueType } from '../otlp/value.ts';
import { writeAttributes, writeBytes, writeTag } from './key-values.ts';
import { SpanTag } from './span-writer.ts';

/** Process: service_name 1 string, tags 2 repeated KeyValue */
const SERVICE_NAME = (1 << 3) | 2;
const PROCESS_TAG = (2 << 3) | 2;

const SERVICE_NAME_KEY = Buffer.from('service.name');
/** What the collector writes for a resource without attributes. */
const NO_RESOURCE = Buffer.from('OTLPResourceNoServiceName');

/** What the spans of a resource, and of a scope in it, have in common, in Jaeger's protobuf. */
export class ResourceWriter {
  readonly #attributes = new Attributes();
  readonly #value = new ValueReader();
  readonly #scope = new ScopeReader();
  readonly #writer = new Writer();

  /** The content of a Process. */
  process({ buffer, resourceStart, resourceEnd }: Groups): Buffer {
    const list = this.#attributes.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES);
    const writer = this.#writer;
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

  /** The tags that all spans of the scope have, as fields of a span. */
  scopeTags({ buffer, scopeStart, scopeEnd }: Groups): Buffer {
    const scope = this.#scope.read(buffer, scopeStart, scopeEnd);
    const name = buffer.subarray(scope.nameStart, scope.nameEnd);
    const version = buffer.subarray(scope.versionStart, scope.versionEnd);
    if (name.length > 0) writeTag(this.#writer, SpanTag.TAG, 'otel.scope.name', name);
    if (version.length > 0) writeTag(this.#writer, SpanTag.TAG, 'otel.scope.version', version);
    return this.#writer.toBuffer();
  }
}
