import type { PlainValue } from '../../core/otlp/value-encode.ts';
import { type Alert, encodeAlerts, type Severity } from '../../core/stream/alert.ts';
import type { StateReader, StateWriter } from '../../core/stream/codec.ts';
import { groupOf, type Keyed, KeyedState } from '../../core/stream/keyed-state.ts';
import type { Partition, PartitionState } from '../../core/stream/partition-runner.ts';
import { type Baseline, decodeBaseline, encodeBaseline, isOff, learn, newBaseline } from './baseline.ts';
import type { Baselines } from './baselines.ts';
import type { Config } from './config.ts';

/** Of the entries of snapshots. */
export const ANOMALY_VERSION = 1;
/** Silent series are looked for when event time has gone on by this part of `expire_after`. */
const LOOKS_PER_EXPIRY = 10;

/** A series. Times in milliseconds of event time. */
export interface Series extends Keyed {
  /** What alerts say about it. */
  readonly service: string;
  readonly about: string;
  readonly metric: string;
  readonly baseline: Baseline;
  /** By part of the period; empty where there is no seasonal rule. */
  readonly seasons: Baseline[];
  lastTime: number;
  lastAlert: number;
}

/** A value of a series that has come. */
export interface Value {
  readonly time: number;
  readonly value: number;
}

/** What told that a value is off. */
interface Finding {
  readonly method: 'ewma' | 'seasonal' | 'static';
  readonly baseline: number;
  readonly variance: number;
  readonly message: string;
}

/** The series of one partition. Values count in the order in which they come, late or not. */
export class AnomalyPartition implements PartitionState {
  readonly #partition: Partition;
  readonly #config: Config;
  readonly #known: Baselines;
  readonly #series = new KeyedState<Series>();
  readonly #alerts: Alert[] = [];
  #looked = Number.NEGATIVE_INFINITY;

  constructor(partition: Partition, config: Config, known: Baselines) {
    this.#partition = partition;
    this.#config = config;
    this.#known = known;
  }

  get keys(): number {
    return this.#series.size;
  }

  readonly open = 0;

  values(): IterableIterator<Series> {
    return this.#series.values();
  }

  get(key: string): Series | undefined {
    return this.#series.get(key);
  }

  /** Undefined where there are too many series already. */
  create(key: string, service: string, about: string, metric: string): Series | undefined {
    if (this.#series.size >= this.#config.max_keys) return undefined;
    const known = this.#known.of(key);
    const never = Number.NEGATIVE_INFINITY;
    const seasons = Array.from({ length: this.#config.seasonal?.buckets ?? 0 }, (_, i) => ({
      ...(known?.seasons[i] ?? newBaseline()),
    }));
    const baseline = { ...(known?.baseline ?? newBaseline()) };
    const series = { key, group: groupOf(key), service, about, metric, baseline, seasons };
    return this.#series.add({ ...series, lastTime: never, lastAlert: never });
  }

  /** Judges a value by what came before it, then learns from it. */
  add(series: Series, at: Value, source: string | undefined): void {
    const { clock } = this.#partition;
    this.#series.touch(series);
    for (const finding of this.#findings(series, at)) this.#alert(series, at, finding);
    series.lastTime = Math.max(series.lastTime, at.time);
    if (source !== undefined && clock.observe(source, at.time)) this.advance(clock.watermark);
  }

  advance(watermark: number): void {
    const { expire_after: expiry } = this.#config;
    if (expiry === 0 || !Number.isFinite(watermark) || watermark - this.#looked < expiry / LOOKS_PER_EXPIRY) return;
    this.#looked = watermark;
    for (const series of this.#series.values()) {
      if (series.lastTime + expiry < watermark) this.#series.delete(series);
    }
  }

  /** Hands on the alerts that are due. */
  emit(): void {
    if (this.#alerts.length === 0) return;
    this.#partition.emit(encodeAlerts(this.#alerts.splice(0), this.#partition.context));
  }

  /** Nothing is open: alerts go out at once. */
  finish(): void {}

  snapshot(which: 'all' | 'changed'): Map<string, Buffer | undefined> {
    return this.#series.snapshot(which, encodeSeries);
  }

  restore(entries: ReadonlyMap<string, Buffer>, version: number): void {
    if (version !== ANOMALY_VERSION) throw new Error(`baselines of version ${version} cannot be read`);
    this.#series.restore(entries, (key, group, from) => decodeSeries(key, group, from, this.#config));
  }

  #findings(series: Series, { time, value }: Value): Finding[] {
    const { ewma, seasonal, static: bounds } = this.#config;
    const findings: Finding[] = [];
    const learned = (method: 'ewma' | 'seasonal', baseline: Baseline, rule: NonNullable<typeof ewma>) => {
      if (baseline.samples >= rule.min_samples && isOff(baseline, value, rule.threshold)) {
        const { mean, variance } = baseline;
        findings.push({ method, baseline: mean, variance, message: `Value ${value} deviates from baseline ${mean}` });
      }
      learn(baseline, value, rule.alpha);
    };
    if (ewma !== undefined) learned('ewma', series.baseline, ewma);
    if (seasonal !== undefined) {
      const part = Math.floor(((time % seasonal.period) / seasonal.period) * seasonal.buckets);
      learned('seasonal', series.seasons[part] as Baseline, seasonal);
    }
    const off = (bound: number, side: string): void => {
      const message = `Value ${value} is ${side} ${bound}`;
      findings.push({ method: 'static', baseline: bound, variance: 0, message });
    };
    if (bounds?.above !== undefined && value > bounds.above) off(bounds.above, 'above');
    if (bounds?.below !== undefined && value < bounds.below) off(bounds.below, 'below');
    return findings;
  }

  #alert(series: Series, { time, value }: Value, { method, baseline, variance, message }: Finding): void {
    const { cooldown, alert } = this.#config;
    if (time - series.lastAlert < cooldown) return;
    series.lastAlert = time;
    const attributes: Record<string, PlainValue> = {
      'anomaly.method': method,
      'anomaly.value': value,
      'anomaly.baseline': baseline,
      'anomaly.variance': variance,
      'metric.name': series.metric,
    };
    this.#alerts.push({
      type: alert.type,
      severity: alert.severity as Severity,
      service: series.service,
      key: series.about,
      ...{ time, firstTime: time, lastTime: time, count: 1, evidence: [] },
      message,
      attributes,
    });
  }
}

function encodeSeries(series: Series, to: StateWriter): void {
  to.text(series.service).text(series.about).text(series.metric).double(series.lastTime).double(series.lastAlert);
  encodeBaseline(series.baseline, to);
  to.uint32(series.seasons.length);
  for (const season of series.seasons) encodeBaseline(season, to);
}

/** Where the period is divided otherwise than it was, its parts are learned anew. */
function decodeSeries(key: string, group: number, from: StateReader, config: Config): Series {
  const [service, about, metric] = [from.text(), from.text(), from.text()];
  const [lastTime, lastAlert] = [from.double(), from.double()];
  const baseline = decodeBaseline(from);
  const kept = Array.from({ length: from.uint32() }, () => decodeBaseline(from));
  const buckets = config.seasonal?.buckets ?? 0;
  const seasons = kept.length === buckets ? kept : Array.from({ length: buckets }, newBaseline);
  return { key, group, service, about, metric, baseline, seasons, lastTime, lastAlert };
}
