import { POINT_ATTRIBUTES } from '../readers/data-point.ts';
import { LogTag } from '../readers/log-record.ts';
import { MetricType } from '../readers/metric.ts';
import { EVENT_ATTRIBUTES, LINK_ATTRIBUTES } from '../readers/parts.ts';
import { SpanTag } from '../readers/span.ts';
import { tagOf, varintSize, WireType, writeVarint } from '../wire.ts';
import { MessageEditor } from './message-editor.ts';

/** Texts are UTF-8, so that they can be made once at start. */
export class SpanEditor extends MessageEditor {
  readonly #event = new MessageEditor(EVENT_ATTRIBUTES);
  readonly #link = new MessageEditor(LINK_ATTRIBUTES);

  constructor() {
    super(SpanTag.ATTRIBUTES);
  }

  setName(name: Buffer): void {
    this.setBytes(SpanTag.NAME, name);
  }

  setTraceState(state: Buffer): void {
    this.setBytes(SpanTag.TRACE_STATE, state);
  }

  setKind(kind: number): void {
    this.setVarint(SpanTag.KIND, kind);
  }

  setStatus(code: number, message: Buffer): void {
    const status = Buffer.allocUnsafe(1 + varintSize(message.length) + message.length + 1 + varintSize(code));
    let length = 0;
    if (message.length > 0) {
      status[length++] = tagOf(2, WireType.BYTES);
      length = writeVarint(status, length, message.length);
      length += message.copy(status, length);
    }
    if (code !== 0) {
      status[length++] = tagOf(3, WireType.VARINT);
      length = writeVarint(status, length, code);
    }
    this.setBytes(SpanTag.STATUS, status.subarray(0, length));
  }

  /** Visits the events; one for which the visitor returns false is removed. */
  eachEvent(visit: (event: MessageEditor) => boolean): void {
    this.eachNested(SpanTag.EVENTS, this.#event, visit);
  }

  eachLink(visit: (link: MessageEditor) => boolean): void {
    this.eachNested(SpanTag.LINKS, this.#link, visit);
  }
}

export class LogRecordEditor extends MessageEditor {
  constructor() {
    super(LogTag.ATTRIBUTES);
  }

  /** An encoded AnyValue. */
  setBody(value: Buffer): void {
    this.setBytes(LogTag.BODY, value);
  }

  setSeverity(number: number, text: Buffer): void {
    this.setVarint(LogTag.SEVERITY_NUMBER, number);
    this.setBytes(LogTag.SEVERITY_TEXT, text);
  }
}

/** Points of all five kinds. */
export class PointEditor extends MessageEditor {
  constructor() {
    super(POINT_ATTRIBUTES[MetricType.NONE]);
  }

  openAs(type: MetricType, buffer: Buffer, start: number, end: number): this {
    this.attributesTag = POINT_ATTRIBUTES[type];
    return this.open(buffer, start, end);
  }
}
