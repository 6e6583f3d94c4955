import type { Settings } from '../../core/component.ts';
import type { Counter } from '../../core/meter.ts';
import { type Alert, encodeAlerts } from '../../core/stream/alert.ts';
import type { ItemSignal } from '../../core/stream/item-values.ts';
import type { Partition, PartitionState } from '../../core/stream/partition-runner.ts';
import { type Cut, KeyedMatcher, type KeyedSink } from '../../core/stream/pattern/keyed-matcher.ts';
import type { Link } from '../../core/stream/pattern/runs.ts';
import type { CompiledPattern } from './compile.ts';
import type { Config } from './config.ts';

/** A pattern and what there is of it in a partition. */
export interface Operator {
  readonly pattern: CompiledPattern;
  readonly matcher: KeyedMatcher;
}

/**
 * So many alerts may come of one batch, or of one mark of event time: a pattern that matches in very many ways must
 * not fill the memory.
 */
const MOST_ALERTS = 10_000;

const CUT = {
  name: 'otelcol_connector_pattern_cut',
  description:
    'What went beyond a limit: partial matches given up, alerts and keys dropped, events taken out of order.',
  unit: '{items}',
};

const EXPLANATIONS: Readonly<Record<Cut | 'alerts', string>> = {
  'partial matches': 'max_partial_matches or max_buffered_events of a key is reached, the earliest are given up',
  keys: 'max_keys is reached, no match begins for further keys',
  order: 'max_waiting_events is reached, events are matched before event time has come to them',
  alerts: `more than ${MOST_ALERTS} alerts came of one batch, the rest is dropped`,
};

/** Counts what went beyond limits; the first of each kind is explained in the log. */
export class Cuts {
  readonly #settings: Settings;
  readonly #counters = new Map<string, Counter>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  add(reason: Cut | 'alerts', pattern: string): void {
    const id = `${reason}/${pattern}`;
    let counter = this.#counters.get(id);
    if (counter === undefined) {
      const { meter, logger, name } = this.#settings;
      counter = meter.counter(CUT, { connector: name, pattern, reason });
      this.#counters.set(id, counter);
      logger.warn(`A pattern went beyond a limit: ${EXPLANATIONS[reason]}. Counted in ${CUT.name}`, { pattern });
    }
    counter.add(1);
  }
}

/** The patterns in the events of one partition. */
export class PatternPartition implements PartitionState {
  readonly #partition: Partition;
  /** None of spans where no spans come in. */
  readonly #operators: Readonly<Record<ItemSignal, readonly Operator[]>>;
  readonly #all: readonly Operator[];
  readonly #cuts: Cuts;
  readonly #settings: Settings;
  #alerts: Alert[] = [];

  constructor(
    partition: Partition,
    patterns: readonly CompiledPattern[],
    config: Config,
    cuts: Cuts,
    settings: Settings,
  ) {
    this.#partition = partition;
    this.#cuts = cuts;
    this.#settings = settings;
    const operator = (pattern: CompiledPattern): Operator => ({ pattern, matcher: this.#matcher(pattern, config) });
    this.#operators = {
      logs: patterns.map(operator),
      traces: settings.signals.includes('traces') ? patterns.map(operator) : [],
    };
    this.#all = [...this.#operators.logs, ...this.#operators.traces];
  }

  get keys(): number {
    return this.#all.reduce((sum, { matcher }) => sum + matcher.keys, 0);
  }

  /** Every key has begun a match, or it would not be kept. */
  get open(): number {
    return this.keys;
  }

  operators(signal: ItemSignal): readonly Operator[] {
    return this.#operators[signal];
  }

  isLate(time: number): boolean {
    if (time <= this.#partition.clock.watermark) return true;
    for (const { matcher } of this.#all) if (matcher.isLate(time)) return true;
    return false;
  }

  /** An event of `source` has come; event time goes on with it. */
  observe(source: string, time: number): void {
    const { clock } = this.#partition;
    if (clock.observe(source, time)) this.#advance(clock.watermark);
  }

  advance(watermark: number): void {
    this.#advance(watermark);
    this.emit();
  }

  /** What waits for event time is matched; what is not decided then is not a match. */
  finish(): void {
    for (const { matcher } of this.#all) matcher.finish();
    this.emit();
  }

  /** Hands on the alerts since. */
  emit(): void {
    if (this.#alerts.length === 0) return;
    const alerts = this.#alerts;
    this.#alerts = [];
    this.#partition.emit(encodeAlerts(alerts, this.#partition.context));
  }

  snapshot(which: 'all' | 'changed'): Map<string, Buffer | undefined> {
    const entries = new Map<string, Buffer | undefined>();
    for (const [signal, operators] of Object.entries(this.#operators)) {
      for (const { pattern, matcher } of operators) {
        const prefix = prefixOf(signal, pattern.name);
        for (const [name, bytes] of matcher.snapshot(which)) entries.set(prefix + name, bytes);
        entries.set(prefix + FINGERPRINT, Buffer.from(pattern.fingerprint));
      }
    }
    return entries;
  }

  restore(entries: ReadonlyMap<string, Buffer>): void {
    const changed = new Set<string>();
    for (const [signal, operators] of Object.entries(this.#operators)) {
      for (const { pattern, matcher } of operators) {
        const prefix = prefixOf(signal, pattern.name);
        const own = [...entries].filter(([name]) => name.startsWith(prefix));
        const kept = new Map(own.map(([name, bytes]) => [name.slice(prefix.length), bytes] as const));
        const fingerprint = kept.get(FINGERPRINT)?.toString();
        if (fingerprint === undefined) continue;
        if (fingerprint === pattern.fingerprint) matcher.restore(kept);
        else changed.add(pattern.name);
      }
    }
    for (const pattern of changed) {
      this.#settings.logger.warn('A pattern was changed: what was kept of it does not count', { pattern });
    }
  }

  #advance(watermark: number): void {
    for (const { matcher } of this.#all) matcher.advance(watermark);
  }

  #matcher(pattern: CompiledPattern, config: Config): KeyedMatcher {
    const limits = {
      keys: config.max_keys,
      partialMatches: config.max_partial_matches,
      events: config.max_buffered_events,
      waiting: config.max_waiting_events,
    };
    const { automaton, definition, alert, timeoutAlert, name } = pattern;
    const add = (key: string, tail: Link, time: number, timedOut: boolean): void => {
      const template = timedOut ? timeoutAlert : alert;
      if (template === undefined) return;
      if (this.#alerts.length >= MOST_ALERTS) this.#cuts.add('alerts', name);
      else this.#alerts.push(template.alert(key, tail, time, automaton.within, timedOut));
    };
    const sink: KeyedSink = {
      match: (key, tail, time) => add(key, tail, time, false),
      timeout: (key, tail, time) => add(key, tail, time, true),
      cut: (what) => this.#cuts.add(what, name),
    };
    const seed = this.#settings.random() * 0x1_0000_0000;
    return new KeyedMatcher(automaton, definition.skip, limits, sink, seed);
  }
}

/** The entry of a snapshot that says of which pattern it is. */
const FINGERPRINT = 'pattern';

/** Names of patterns may have slashes. */
function prefixOf(signal: string, pattern: string): string {
  return `${signal}/${encodeURIComponent(pattern)}/`;
}
