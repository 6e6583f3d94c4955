import type { Outputs, Settings } from '../../core/component.ts';
import { regroup } from '../../core/otlp/edit/regroup.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { logEventTime } from '../../core/stream/event-time.ts';
import { FieldValues } from '../../core/stream/fields.ts';
import type { Items } from '../../core/stream/items.ts';
import { joinKey } from '../../core/stream/key.ts';
import { Members, type MemberVisitor } from '../../core/stream/members.ts';
import { type Stage, StreamOperator } from '../../core/stream/operator.ts';
import { streamOutputs } from '../../core/stream/outputs.ts';
import type { Partition } from '../../core/stream/partition-runner.ts';
import { KeyedWindows, WINDOWS_VERSION } from '../../core/stream/window/keyed-windows.ts';
import type { Windowing } from '../../core/stream/window/windowing.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { AlikeAggregation, type Arrival } from './alike.ts';
import type { Config } from './config.ts';
import { evidenceOf, Results } from './results.ts';

export function dedupConnector(settings: Settings, config: Config, outputs: Outputs): StreamOperator<DedupPartition> {
  const results = streamOutputs(outputs, 'logs', config.late_pipeline);
  return new StreamOperator(settings, config, results, new DedupStage(config));
}

/** The windows of one partition. */
class DedupPartition extends KeyedWindows<Arrival> {
  readonly #partition: Partition;
  readonly #results: Results;

  constructor(partition: Partition, config: Config) {
    const results = new Results();
    const aggregation = new AlikeAggregation(config.keep);
    super(partition, {
      windowing: windowingOf(config),
      aggregation,
      fields: [...config.key, config.keep],
      maxKeys: config.max_keys,
      maxBytes: config.max_state_mib * 2 ** 20,
      fire: (_key, _start, _end, row, _late, incomplete) => results.add(aggregation.at(row), incomplete),
    });
    this.#partition = partition;
    this.#results = results;
  }

  override advance(watermark: number): void {
    super.advance(watermark);
    this.emit();
  }

  override finish(): void {
    super.finish();
    this.emit();
  }

  /** Hands on what has fired since. */
  emit(): void {
    const batch = this.#results.take(this.#partition.context);
    if (batch !== undefined) this.#partition.emit(batch);
  }
}

/** Reads log records into windows. */
class DedupStage implements Stage<DedupPartition>, MemberVisitor {
  readonly version = WINDOWS_VERSION;
  readonly #config: Config;
  readonly #fields: FieldValues;
  readonly #members = new Members(this);
  readonly #record = new LogRecordReader();
  readonly #arrival: Arrival;
  #state: DedupPartition | undefined;
  #items: Items | undefined;

  constructor(config: Config) {
    this.#config = config;
    this.#fields = new FieldValues(config.key, 'logs');
    this.#arrival = { time: 0, evidence: [], copy: () => this.#copy() };
  }

  open(partition: Partition): DedupPartition {
    return new DedupPartition(partition, this.#config);
  }

  process(batch: Telemetry, state: DedupPartition, items: Items): void {
    this.#state = state;
    this.#items = items;
    this.#members.walk(batch);
    state.emit();
  }

  resource(attributes: Attributes): void {
    this.#fields.resource(attributes);
  }

  member(buffer: Buffer, start: number, end: number): void {
    const state = this.#state as DedupPartition;
    const items = this.#items as Items;
    const record = this.#record.read(buffer, start, end);
    const time = logEventTime(record);
    if (!items.next(time)) return;
    this.#fields.item(record, record.attributes);
    const arrival = this.#arrival;
    arrival.time = time;
    arrival.evidence = evidenceOf(record.attributes);
    const verdict = state.add(joinKey(this.#fields.values), time, arrival, items.source, '');
    if (verdict !== 'taken') items.stray(verdict);
  }

  /** The record that the walk is at, in memory of its own. */
  #copy(): Buffer {
    const { buffer, groupStart, groupEnd, scopeGroupStart, scopeGroupEnd, scopesTag, memberField, memberEnd } =
      this.#members.groups;
    const group = { buffer, start: groupStart, end: groupEnd };
    const scope = { buffer, start: scopeGroupStart, end: scopeGroupEnd };
    const range = regroup([{ group, scope, scopesTag, start: memberField, end: memberEnd }]);
    const copy = Buffer.from(range.buffer.subarray(range.start, range.end));
    range.slab.release();
    return copy;
  }
}

function windowingOf({ type, size, gap, offset, allowed_lateness: lateness }: Config): Windowing {
  return type === 'session' ? { type, gap, lateness } : { type, size, offset, lateness };
}
