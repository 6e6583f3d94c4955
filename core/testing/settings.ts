import type { BuildInfo, Settings } from '../component.ts';
import { type ComponentKind, formatComponentId, parseComponentId } from '../component-id.ts';
import type { LogFields, Logger } from '../logger.ts';
import type {
  Counter,
  Gauge,
  Histogram,
  HistogramDefinition,
  Labels,
  Meter,
  MetricDefinition,
  MetricLevel,
} from '../meter.ts';
import { SIGNALS, type Signal } from '../signal.ts';
import { FakeClock } from './fake-clock.ts';

export const TEST_BUILD: BuildInfo = {
  command: 'weir',
  description: 'weir under test',
  version: '0.0.0-test',
};

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps all lines; those of `with(…)` too, with their fields. */
export class TestLogger implements Logger {
  readonly lines: LogLine[];
  readonly debugEnabled = true;
  readonly #fields: LogFields;

  constructor(lines: LogLine[] = [], fields: LogFields = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  /** The messages in order, of one level or of all. */
  messages(level?: LogLine['level']): string[] {
    return this.lines.filter((line) => level === undefined || line.level === level).map((line) => line.message);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  with(fields: LogFields): TestLogger {
    return new TestLogger(this.lines, { ...this.#fields, ...fields });
  }

  #write(level: LogLine['level'], message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}

export interface TestSeries extends Counter, Gauge, Histogram {
  readonly definition: MetricDefinition;
  readonly labels: Labels;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Of a histogram the sum. */
  readonly value: number;
  /** What a histogram was given, in order. */
  readonly recorded: readonly number[];
}

class RecordedSeries implements TestSeries {
  readonly definition: MetricDefinition;
  readonly labels: Labels;
  readonly type: TestSeries['type'];
  readonly recorded: number[] = [];
  readonly #read: (() => number) | undefined;
  #value = 0;

  constructor(definition: MetricDefinition, labels: Labels, type: TestSeries['type'], read?: () => number) {
    this.definition = definition;
    this.labels = labels;
    this.type = type;
    this.#read = read;
  }

  get value(): number {
    return this.#read === undefined ? this.#value : this.#read();
  }

  add(value: number): void {
    this.#value += value;
  }
  set(value: number): void {
    this.#value = value;
  }
  record(value: number): void {
    this.recorded.push(value);
    this.#value += value;
  }
}

/** Keeps all series readable. */
export class TestMeter implements Meter {
  readonly #series = new Map<string, RecordedSeries>();
  readonly #level: MetricLevel;

  constructor(level: MetricLevel = 'detailed') {
    this.#level = level;
  }

  enabled(definition: MetricDefinition): boolean {
    const order: readonly MetricLevel[] = ['basic', 'normal', 'detailed'];
    return order.indexOf(definition.level ?? 'basic') <= order.indexOf(this.#level);
  }

  /** All series of a metric. */
  series(name: string): TestSeries[] {
    return [...this.#series.values()].filter((s) => s.definition.name === name);
  }

  /** The sum over the series of `name` that have at least these labels; undefined where there is none. */
  value(name: string, labels: Labels = {}): number | undefined {
    const found = this.series(name).filter((s) => Object.entries(labels).every(([key, v]) => s.labels[key] === v));
    return found.length === 0 ? undefined : found.reduce((sum, s) => sum + s.value, 0);
  }

  counter(definition: MetricDefinition, labels: Labels = {}): Counter {
    return this.#get(definition, labels, 'counter');
  }
  gauge(definition: MetricDefinition, labels: Labels = {}): Gauge {
    return this.#get(definition, labels, 'gauge');
  }
  histogram(definition: HistogramDefinition, labels: Labels = {}): Histogram {
    return this.#get(definition, labels, 'histogram');
  }

  observe(definition: MetricDefinition, labels: Labels, type: 'counter' | 'gauge', read: () => number): () => void {
    const key = this.#key(definition, labels);
    this.#series.set(key, new RecordedSeries(definition, labels, type, read));
    return () => this.#series.delete(key);
  }

  #key(definition: MetricDefinition, labels: Labels): string {
    return `${definition.name}${JSON.stringify(Object.entries(labels).sort())}`;
  }

  #get(definition: MetricDefinition, labels: Labels, type: TestSeries['type']): RecordedSeries {
    const key = this.#key(definition, labels);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const series = new RecordedSeries(definition, labels, type);
    this.#series.set(key, series);
    return series;
  }
}

export interface TestSettings extends Settings {
  readonly logger: TestLogger;
  readonly meter: TestMeter;
  readonly clock: FakeClock;
}

export interface TestSettingsOptions {
  /** As in a configuration: `batch/2`. */
  readonly id?: string;
  readonly kind?: ComponentKind;
  readonly signals?: readonly Signal[];
  readonly pipeline?: string;
  readonly clock?: FakeClock;
  readonly random?: () => number;
  /** The level of the metrics; `detailed` unless set. */
  readonly level?: MetricLevel;
  readonly featureGates?: readonly string[];
  /** Settings of another instance of the same id, with which `shared` values are shared. */
  readonly sharedWith?: Settings;
}

/** Settings as the service would make them, with log, metrics and time in the hands of the test. */
export function testSettings(options: TestSettingsOptions = {}): TestSettings {
  const id = parseComponentId(options.id ?? 'test');
  if ('error' in id) throw new Error(id.error);
  let shared: { readonly value: unknown } | undefined;
  const own = <T>(make: () => T): T => {
    shared ??= { value: make() };
    return shared.value as T;
  };
  return {
    id,
    name: formatComponentId(id),
    kind: options.kind ?? 'processor',
    signals: options.signals ?? SIGNALS,
    ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }),
    logger: new TestLogger(),
    meter: new TestMeter(options.level),
    clock: options.clock ?? new FakeClock(),
    random: options.random ?? (() => 0.5),
    build: TEST_BUILD,
    resource: { 'service.name': 'weir', 'service.instance.id': 'instance-under-test' },
    featureGate: (gate) => options.featureGates?.includes(gate) ?? false,
    shared: options.sharedWith?.shared ?? own,
  };
}
