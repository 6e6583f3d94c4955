import type { Clock } from '../../core/clock.ts';
import { AttributeSet } from '../../core/line-protocol/attribute-set.ts';
import { Line } from '../../core/line-protocol/line.ts';
import type { LineWriter } from '../../core/line-protocol/line-writer.ts';
import { encodeText, stringValue, textOf } from '../../core/line-protocol/text.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { DroppedTag, droppedCount } from '../../core/otlp/readers/dropped.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../core/otlp/readers/scope.ts';
import { valueText } from '../../core/otlp/value.ts';
import { isNoId } from '../../core/otlp/wire.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import type { Lines } from './exporter.ts';

const NANOS_PER_MS = 1_000_000n;

/** Log records as lines of `logs`. */
export class LogLines implements Lines {
  readonly #writer: LineWriter;
  readonly #clock: Clock;
  readonly #line: Line;
  readonly #groups = new Groups();
  readonly #resource = new Attributes();
  readonly #scope = new ScopeReader();
  readonly #record = new LogRecordReader();
  readonly #shared: AttributeSet;
  readonly #attributes: AttributeSet;
  #dropped = 0;

  constructor(config: Config, writer: LineWriter, clock: Clock) {
    this.#writer = writer;
    this.#clock = clock;
    this.#line = new Line(config.precision);
    const dimensions = new Set(config.log_record_dimensions.map(encodeText));
    this.#shared = new AttributeSet(dimensions, { emptyKey: false, repeatedInJson: false });
    this.#attributes = new AttributeSet(dimensions, { emptyKey: false, repeatedInJson: false });
  }

  write(batch: Telemetry): void {
    const at = this.#groups.open(batch);
    while (at.nextResource()) {
      this.#resource.set(at.buffer, at.resourceStart, at.resourceEnd, RESOURCE_ATTRIBUTES);
      while (at.nextScope()) {
        const scope = this.#scope.read(at.buffer, at.scopeStart, at.scopeEnd);
        this.#shared.reset().add(this.#resource).add(scope.attributes);
        while (at.nextMember()) this.#write(this.#record.read(at.buffer, at.memberStart, at.memberEnd));
      }
    }
  }

  #write(record: LogRecordReader): void {
    const { buffer, start, end } = record;
    const attributes = this.#attributes.reset(this.#shared).add(record.attributes);
    const line = this.#line.begin(attributes.tags);
    this.#dropped = droppedCount(buffer, start, end, DroppedTag.LOG_ATTRIBUTES) + attributes.lost;
    if (!isNoId(buffer, record.traceIdAt, 16) && !isNoId(buffer, record.spanIdAt, 8)) {
      // an attribute of this name that is a dimension comes later and wins
      if (!line.tags.has('trace_id')) line.tag('trace_id', record.traceId);
      if (!line.tags.has('span_id')) line.tag('span_id', record.spanId);
    }
    const observed = BigInt.asIntN(64, record.observedTimeUnixNano);
    if (observed !== 0n) this.#field('observed_time_unix_nano', `${observed}i`);
    if (record.severityNumber !== 0) this.#field('severity_number', `${record.severityNumber}i`);
    const severity = textOf(buffer, record.severityTextStart, record.severityTextEnd);
    if (severity !== '') this.#field('severity_text', stringValue(severity));
    this.#field('body', stringValue(encodeText(valueText(buffer, record.bodyStart, record.bodyEnd))));
    const json = attributes.json();
    if (json !== '') this.#field('attributes', stringValue(json));
    if (this.#dropped > 0) line.field('dropped_attributes_count', `${this.#dropped}u`);
    const written = line.end('logs', this.#timeOf(record));
    if (written !== undefined) this.#writer.write(written);
  }

  /** A record that does not say when it was made was made about when it was seen. */
  #timeOf(record: LogRecordReader): bigint {
    const time = record.timeUnixNano;
    if (time !== 0n) return time;
    const observed = record.observedTimeUnixNano;
    return observed === 0n ? BigInt(Math.trunc(this.#clock.now())) * NANOS_PER_MS : observed;
  }

  #field(key: string, value: string): void {
    if (this.#line.tags.has(key)) this.#dropped++;
    else this.#line.field(key, value);
  }
}
