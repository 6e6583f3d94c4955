import { type Alert, encodeAlerts, type Severity } from '../../core/stream/alert.ts';
import type { StateReader, StateWriter } from '../../core/stream/codec.ts';
import { compactKey, splitKey } from '../../core/stream/key.ts';
import { groupOf, type Keyed, KeyedState } from '../../core/stream/keyed-state.ts';
import type { Partition, PartitionState } from '../../core/stream/partition-runner.ts';
import { baselineAt, isOff, learn, NEW_BASELINE, packBaselines, samplesAt } from './baseline.ts';
import type { Baselines } from './baselines.ts';
import type { Config } from './config.ts';

/** Of the entries of snapshots. */
export const ANOMALY_VERSION = 1;
/** Silent series are looked for when event time has gone on by this part of `expire_after`. */
const LOOKS_PER_EXPIRY = 10;
/** Where the baseline of all values of a series is among its baselines; the parts of the period follow. */
const WHOLE = 0;

/** A series. Times in milliseconds of event time. */
export interface Series extends Keyed {
  /** Of `packBaselines`. */
  readonly baselines: number[];
  lastTime: number;
  lastAlert: number;
}

/** A value that has come, and what alerts say about it. */
export interface Value {
  time: number;
  value: number;
  service: string;
  metric: string;
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

  get #parts(): number {
    return this.#config.seasonal?.buckets ?? 0;
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
  create(key: string): Series | undefined {
    if (this.#series.size >= this.#config.max_keys) return undefined;
    const known = this.#known.of(key);
    const parts = Array.from({ length: this.#parts }, (_, i) => known?.seasons[i] ?? NEW_BASELINE);
    const baselines = packBaselines([known?.baseline ?? NEW_BASELINE, ...parts]);
    const never = Number.NEGATIVE_INFINITY;
    const series = { key: compactKey(key), group: groupOf(key), baselines, lastTime: never, lastAlert: never };
    return this.#series.add(series);
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
    if (expiry === 0 || !Number.isFinite(watermark)) return;
    const look = this.#lookAt(watermark);
    if (look === this.#looked) return;
    this.#looked = look;
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
    this.#series.restore(entries, (key, group, from) => decodeSeries(key, group, from, this.#parts));
    this.#looked = this.#lookAt(this.#partition.clock.watermark);
  }

  /** Which look event time has come to: counted from 1970, so that it does not matter when the process began. */
  #lookAt(watermark: number): number {
    return Math.floor((watermark / this.#config.expire_after) * LOOKS_PER_EXPIRY);
  }

  #findings({ baselines }: Series, { time, value }: Value): readonly Finding[] {
    const { ewma, seasonal, static: bounds } = this.#config;
    const findings: Finding[] = [];
    if (ewma !== undefined) judge('ewma', baselines, WHOLE, value, ewma, findings);
    if (seasonal !== undefined) {
      const part = Math.floor(((time % seasonal.period) / seasonal.period) * seasonal.buckets);
      judge('seasonal', baselines, 1 + part, value, seasonal, findings);
    }
    const off = (bound: number, side: string): void => {
      const message = `Value ${value} is ${side} ${bound}`;
      findings.push({ method: 'static', baseline: bound, variance: 0, message });
    };
    if (bounds?.above !== undefined && value > bounds.above) off(bounds.above, 'above');
    if (bounds?.below !== undefined && value < bounds.below) off(bounds.below, 'below');
    return findings;
  }

  #alert(
    series: Series,
    { time, value, service, metric }: Value,
    { method, baseline, variance, message }: Finding,
  ): void {
    const { cooldown, alert } = this.#config;
    if (cooldown > 0 && time - series.lastAlert < cooldown) return;
    series.lastAlert = Math.max(series.lastAlert, time);
    this.#alerts.push({
      type: alert.type,
      severity: alert.severity as Severity,
      service,
      key: aboutOf(series.key),
      ...{ time, firstTime: time, lastTime: time, count: 1, evidence: [] },
      message,
      attributes: { 'anomaly.method': method, 'metric.name': metric },
      numbers: { 'anomaly.value': value, 'anomaly.baseline': baseline, 'anomaly.variance': variance },
    });
  }
}

/** Of a value: compares it with a baseline, then lets that learn it. */
function judge(
  method: 'ewma' | 'seasonal',
  baselines: number[],
  index: number,
  value: number,
  rule: NonNullable<Config['ewma']>,
  findings: Finding[],
): void {
  if (samplesAt(baselines, index) >= rule.min_samples && isOff(baselines, index, value, rule.threshold)) {
    const { mean: baseline, variance } = baselineAt(baselines, index);
    findings.push({ method, baseline, variance, message: `Value ${value} deviates from baseline ${baseline}` });
  }
  learn(baselines, index, value, rule.alpha);
}

/** What alerts call a series. */
export function aboutOf(key: string): string {
  return splitKey(key).join(':');
}

function encodeSeries({ lastTime, lastAlert, baselines }: Series, to: StateWriter): void {
  to.double(lastTime).double(lastAlert).uint32(baselines.length);
  for (const number of baselines) to.double(number);
}

/** Their number comes first. */
function readDoubles(from: StateReader): number[] {
  const list: number[] = [];
  for (let left = from.uint32(); left > 0; left--) list.push(from.double());
  return list.slice();
}

/** Where the period is divided otherwise than it was, its parts are learned anew. */
function decodeSeries(key: string, group: number, from: StateReader, parts: number): Series {
  const [lastTime, lastAlert] = [from.double(), from.double()];
  const kept = readDoubles(from);
  const fresh = packBaselines([baselineAt(kept, WHOLE), ...Array.from({ length: parts }, () => NEW_BASELINE)]);
  return { key, group, baselines: kept.length === fresh.length ? kept : fresh, lastTime, lastAlert };
}
