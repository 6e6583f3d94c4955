import type { Settings } from '../../core/component.ts';
import type { Counter, Gauge, Histogram, HistogramDefinition, Labels, MetricDefinition } from '../../core/meter.ts';
import { Decision } from './policies/policy.ts';

const PREFIX = 'otelcol_processor_tail_sampling';
const LATENCY_BOUNDS = [
  1, 2, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2000, 3000, 4000, 5000, 10000, 20000, 30000, 50000,
];
/** What the collector's metrics library takes where no bounds are given. */
const AGE_BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];
const MICROS_PER_MILLI = 1000;

function metric(name: string, description: string, unit: string): MetricDefinition {
  return { name: `${PREFIX}_${name}`, description: `${description} [Development]`, unit };
}

const COUNT = (things: string) => `Count of ${things} that were sampled or not per sampling policy`;
const BYTES_SAMPLED = metric('count_bytes_sampled', COUNT('bytes'), 'By');
const SPANS_SAMPLED = metric('count_spans_sampled', COUNT('spans'), '{spans}');
const TRACES_SAMPLED = metric('count_traces_sampled', COUNT('traces'), '{traces}');
const GLOBAL_SAMPLED = metric(
  'global_count_traces_sampled',
  'Global count of traces that were sampled or not by at least one policy',
  '{traces}',
);
const EARLY_RELEASES = metric(
  'early_releases_from_cache_decision',
  'Number of spans that were able to be immediately released due to a decision cache hit.',
  '{spans}',
);
const NEW_TRACES = metric('new_trace_id_received', 'Counts the arrival of new traces', '{traces}');
const EVALUATION_ERRORS = metric(
  'sampling_policy_evaluation_error',
  'Count of sampling policy evaluation errors',
  '{errors}',
);
const EXECUTIONS = metric(
  'sampling_policy_execution_count',
  'Total number of executions of a specific sampling policy',
  '{executions}',
);
const EXECUTION_TIME = metric(
  'sampling_policy_execution_time_sum',
  'Total time spent (in microseconds) executing a specific sampling policy',
  'µs',
);
const DROPPED_EARLY = metric(
  'sampling_trace_dropped_too_early',
  'Count of traces that needed to be dropped before the configured wait time',
  '{traces}',
);
const ON_MEMORY = metric('sampling_traces_on_memory', 'Tracks the number of traces current on memory', '{traces}');
const TOO_LARGE = metric(
  'traces_dropped_too_large',
  'Count of traces that were dropped because they were too large',
  '{traces}',
);
const TIMER_LATENCY: HistogramDefinition = {
  ...metric(
    'sampling_decision_timer_latency',
    'Latency (in milliseconds) of each run of the sampling decision timer',
    'ms',
  ),
  bounds: LATENCY_BOUNDS,
};
const LATE_AGE: HistogramDefinition = {
  ...metric(
    'sampling_late_span_age',
    'Time (in seconds) from the sampling decision was taken and the arrival of a late span',
    's',
  ),
  bounds: AGE_BOUNDS,
};
const REMOVAL_AGE: HistogramDefinition = {
  ...metric(
    'sampling_trace_removal_age',
    'Time (in seconds) from arrival of a new trace until its removal from memory',
    's',
  ),
  bounds: AGE_BOUNDS,
};
/** Ours: the collector only logs this. */
const LOST: MetricDefinition = {
  ...metric('lost_spans', 'Number of sampled spans that were refused by the next component.', '{spans}'),
};

const DECISIONS: Readonly<Record<Decision, Labels>> = {
  [Decision.PENDING]: {},
  [Decision.SAMPLED]: { sampled: 'true', decision: 'sampled' },
  [Decision.NOT_SAMPLED]: { sampled: 'false', decision: 'not_sampled' },
  [Decision.DROPPED]: { sampled: 'false', decision: 'dropped' },
};

interface Tally {
  traces: number;
  spans: number;
  bytes: number;
}

/** The processor's self-metrics. What policies decide adds up here and is handed on once a tick. */
export class TailSamplingMetrics {
  readonly #settings: Settings;
  readonly #policies: readonly string[];
  readonly #executions: number[];
  readonly #millis: number[];
  readonly #tallies: Map<Decision, Tally>[];
  readonly #global = new Map<Decision, number>();
  #errors = 0;
  #droppedEarly = 0;
  #newTraces: Counter | undefined;
  #onMemory: Gauge | undefined;
  #timer: Histogram | undefined;
  #lateAge: Histogram | undefined;
  #removalAge: Histogram | undefined;
  readonly #releases: Record<string, Counter> = {};

  constructor(settings: Settings, policies: readonly string[]) {
    this.#settings = settings;
    const instance = settings.id.name;
    this.#policies = policies.map((policy) => (instance === '' ? policy : `${instance}.${policy}`));
    this.#executions = policies.map(() => 0);
    this.#millis = policies.map(() => 0);
    this.#tallies = policies.map(() => new Map());
  }

  executed(policy: number, millis: number): void {
    this.#executions[policy] = (this.#executions[policy] as number) + 1;
    this.#millis[policy] = (this.#millis[policy] as number) + millis;
  }

  failed(): void {
    this.#errors++;
  }

  answered(policy: number, decision: Decision, spans: number, bytes: number): void {
    const tallies = this.#tallies[policy] as Map<Decision, Tally>;
    let tally = tallies.get(decision);
    if (tally === undefined) {
      tally = { traces: 0, spans: 0, bytes: 0 };
      tallies.set(decision, tally);
    }
    tally.traces++;
    tally.spans += spans;
    tally.bytes += bytes;
  }

  decided(decision: Decision): void {
    this.#global.set(decision, (this.#global.get(decision) ?? 0) + 1);
  }

  droppedEarly(): void {
    this.#droppedEarly++;
  }

  newTraces(count: number): void {
    this.#newTraces ??= this.#settings.meter.counter(NEW_TRACES);
    this.#newTraces.add(count);
  }

  earlyRelease(sampled: boolean, spans: number): void {
    const name = String(sampled);
    this.#releases[name] ??= this.#settings.meter.counter(EARLY_RELEASES, { sampled: name });
    this.#releases[name].add(spans);
  }

  lateSpan(seconds: number): void {
    this.#lateAge ??= this.#settings.meter.histogram(LATE_AGE);
    this.#lateAge.record(Math.trunc(seconds));
  }

  removed(seconds: number): void {
    this.#removalAge ??= this.#settings.meter.histogram(REMOVAL_AGE);
    this.#removalAge.record(Math.trunc(seconds));
  }

  tooLarge(): void {
    this.#settings.meter.counter(TOO_LARGE).add(1);
  }

  lost(spans: number): void {
    this.#settings.meter.counter(LOST, { processor: this.#settings.name }).add(spans);
  }

  /** Hands on what added up. */
  flush(millis: number, tracesOnMemory: number): void {
    const { meter, featureGate } = this.#settings;
    this.#timer ??= meter.histogram(TIMER_LATENCY);
    this.#onMemory ??= meter.gauge(ON_MEMORY);
    this.#timer.record(Math.trunc(millis));
    this.#onMemory.set(tracesOnMemory);
    meter.counter(DROPPED_EARLY).add(this.#droppedEarly);
    meter.counter(EVALUATION_ERRORS).add(this.#errors);
    this.#droppedEarly = this.#errors = 0;
    for (const [decision, count] of this.#global) meter.counter(GLOBAL_SAMPLED, DECISIONS[decision]).add(count);
    this.#global.clear();
    const spans = featureGate('processor.tailsamplingprocessor.metricstatcountspanssampled');
    const bytes = featureGate('processor.tailsamplingprocessor.metricstatcountbytessampled');
    for (const [index, policy] of this.#policies.entries()) {
      const tallies = this.#tallies[index] as Map<Decision, Tally>;
      for (const [decision, tally] of tallies) {
        const labels = { policy, ...DECISIONS[decision] };
        meter.counter(TRACES_SAMPLED, labels).add(tally.traces);
        if (spans) meter.counter(SPANS_SAMPLED, labels).add(tally.spans);
        if (bytes) meter.counter(BYTES_SAMPLED, labels).add(tally.bytes);
      }
      tallies.clear();
      this.#flushExecutions(index, policy);
    }
  }

  /** Whole microseconds are handed on, the rest stays for the next time. */
  #flushExecutions(index: number, policy: string): void {
    const micros = Math.trunc((this.#millis[index] as number) * MICROS_PER_MILLI);
    this.#settings.meter.counter(EXECUTION_TIME, { policy }).add(micros);
    this.#settings.meter.counter(EXECUTIONS, { policy }).add(this.#executions[index] as number);
    this.#millis[index] = (this.#millis[index] as number) - micros / MICROS_PER_MILLI;
    this.#executions[index] = 0;
  }
}
