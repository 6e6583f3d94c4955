import type { Settings } from '../../core/component.ts';
import type { Counter, Histogram } from '../../core/meter.ts';

const PREFIX = 'otelcol_processor_groupbytrace_';
const LATENCY_BOUNDS = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** What the gauges show. */
export interface Levels {
  readonly traces: () => number;
  readonly waiting: () => number;
}

/** The processor's self-metrics. */
/** What happens to a trace; the collector handles the last three apart. */
export type TraceEvent = 'onTraceReceived' | 'onTraceExpired' | 'onTraceReleased' | 'onTraceRemoved';

export class GroupByTraceMetrics {
  readonly evicted: Counter;
  readonly incomplete: Counter;
  readonly #settings: Settings;
  #spans: Counter | undefined;
  #traces: Counter | undefined;
  #lost: Counter | undefined;
  readonly #latencies = new Map<string, Histogram>();

  constructor(settings: Settings) {
    this.#settings = settings;
    this.evicted = this.#counter('traces_evicted', 'Traces evicted from the internal buffer');
    const incomplete = 'Releases that are suspected to have been incomplete';
    this.incomplete = this.#counter('incomplete_releases', incomplete, '{releases}');
  }

  /** The returned function ends the gauges. */
  observe(numTraces: number, levels: Levels): () => void {
    const { meter } = this.#settings;
    const gauge = (name: string, text: string, read: () => number) =>
      meter.observe(definition(name, text), {}, 'gauge', read);
    const ends = [
      gauge('conf_num_traces', 'Maximum number of traces to hold in the internal storage', () => numTraces),
      gauge('num_traces_in_memory', 'Number of traces currently in the in-memory storage', levels.traces),
      gauge('num_events_in_queue', 'Number of events currently in the queue', levels.waiting),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  released(spans: number): void {
    this.#spans ??= this.#counter('spans_released', 'Spans released to the next consumer');
    this.#traces ??= this.#counter('traces_released', 'Traces released to the next consumer');
    this.#spans.add(spans);
    this.#traces.add(1);
  }

  /** Ours: the collector only logs this. */
  lost(spans: number): void {
    this.#lost ??= this.#counter('lost_spans', 'Spans that were accepted and then refused by the next component.');
    this.#lost.add(spans);
  }

  /** How long something took in milliseconds, for so many traces in one go: each has its part. */
  took(event: TraceEvent, ms: number, traces: number): void {
    let histogram = this.#latencies.get(event);
    if (histogram === undefined) {
      const text = 'How long the queue events are taking to be processed';
      const latency = { ...definition('event_latency', text, 'ms'), bounds: LATENCY_BOUNDS };
      histogram = this.#settings.meter.histogram(latency, { event });
      this.#latencies.set(event, histogram);
    }
    for (let i = 0; i < traces; i++) histogram.record(ms / traces);
  }

  #counter(name: string, text: string, unit = '1'): Counter {
    return this.#settings.meter.counter(definition(name, text, unit));
  }
}

function definition(name: string, text: string, unit = '1') {
  return { name: `${PREFIX}${name}`, description: `${text} [Development]`, unit };
}
