import type { Connector, Outputs, Settings } from '../../core/component.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { RESOURCE_ATTRIBUTES } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import type { KeyWriter } from '../../core/series/key-writer.ts';
import { eventTime, logEventTime } from '../../core/stream/event-time.ts';
import { type ItemSignal, ItemValues } from '../../core/stream/item-values.ts';
import type { Items } from '../../core/stream/items.ts';
import { type Stage, StreamOperator } from '../../core/stream/operator.ts';
import { streamOutputs } from '../../core/stream/outputs.ts';
import type { Partition } from '../../core/stream/partition-runner.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { keepEvent, kept } from './alerts.ts';
import { type CompiledPattern, compilePattern, FieldNames } from './compile.ts';
import type { Config } from './config.ts';
import { Cuts, type Operator, PatternPartition } from './partition.ts';

/** Of the entries of snapshots. */
const VERSION = 1;
/** Between the parts of a key: a colon. */
const SEPARATOR = 0x3a;

export function patternConnector(settings: Settings, config: Config, outputs: Outputs): Connector {
  const results = streamOutputs(outputs, 'logs', config.late_pipeline);
  return new StreamOperator(settings, config, results, new PatternStage(settings, config));
}

/** Reads log records and spans into the matchers of a partition. */
class PatternStage implements Stage<PatternPartition> {
  readonly version = VERSION;
  readonly #config: Config;
  readonly #patterns: readonly CompiledPattern[];
  readonly #values: Readonly<Record<ItemSignal, ItemValues>>;
  readonly #settings: Settings;
  readonly #cuts: Cuts;
  readonly #groups = new Groups();
  readonly #resource = new Attributes();
  readonly #record = new LogRecordReader();
  readonly #span = new SpanReader();

  constructor(settings: Settings, config: Config) {
    this.#settings = settings;
    this.#config = config;
    this.#cuts = new Cuts(settings);
    const fields = new FieldNames();
    this.#patterns = Object.entries(config.patterns).map(([name, pattern]) => compilePattern(name, pattern, fields));
    this.#values = { logs: new ItemValues(fields.names, 'logs'), traces: new ItemValues(fields.names, 'traces') };
  }

  open(partition: Partition): PatternPartition {
    return new PatternPartition(partition, this.#patterns, this.#config, this.#cuts, this.#settings);
  }

  process(batch: Telemetry, state: PatternPartition, items: Items): void {
    const signal: ItemSignal = batch.signal === 'traces' ? 'traces' : 'logs';
    const place: Place = { operators: state.operators(signal), values: this.#values[signal], state, items };
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      const { buffer, resourceStart, resourceEnd } = groups;
      place.values.resource(this.#resource.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES));
      while (groups.nextScope()) {
        while (groups.nextMember()) {
          if (signal === 'logs') {
            const record = this.#record.read(groups.buffer, groups.memberStart, groups.memberEnd);
            this.#add(record, logEventTime(record), place);
          } else {
            const span = this.#span.read(groups.buffer, groups.memberStart, groups.memberEnd);
            this.#add(span, eventTime(span.buffer, span.endTimeAt), place);
          }
        }
      }
    }
    state.emit();
  }

  #add(item: LogRecordReader | SpanReader, time: number, { operators, values, state, items }: Place): void {
    if (!items.next(time)) return;
    if (state.isLate(time)) items.stray('late');
    else {
      values.item(item);
      for (const operator of operators) offer(item, values, time, operator);
    }
    if (items.source !== undefined) state.observe(items.source, time);
  }
}

/** Where the items of a batch go. */
interface Place {
  readonly operators: readonly Operator[];
  readonly values: ItemValues;
  readonly state: PatternPartition;
  readonly items: Items;
}

/** Adds an event to the matcher of a pattern that it matters to. */
function offer(
  item: LogRecordReader | SpanReader,
  values: ItemValues,
  time: number,
  { pattern, matcher }: Operator,
): void {
  const mask = pattern.conditions.of(values);
  const interest = matcher.interestIn(mask);
  if (interest === 'none' || !writeKey(pattern.key, values, matcher.key)) return;
  matcher.add(time, mask, kept, interest === 'taken' ? keepEvent(item, values, pattern.kept) : 0);
}

/** False where the item has none of the fields. */
function writeKey(fields: readonly number[], values: ItemValues, key: KeyWriter): boolean {
  key.begin();
  for (let i = 0; i < fields.length; i++) {
    if (i > 0) key.byte(SEPARATOR);
    values.writeText(fields[i] as number, key);
  }
  key.finish();
  return fields.length === 0 || key.size >= fields.length;
}
