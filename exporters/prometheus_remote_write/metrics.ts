import type { Settings } from '../../core/component.ts';
import type { Counter, Labels, MetricDefinition } from '../../core/meter.ts';

const PREFIX = 'otelcol_exporter_prometheusremotewrite';
const CONSUMERS: MetricDefinition = {
  name: `${PREFIX}_consumers`,
  description: 'Number of configured workers to use to fan out the outgoing requests [Development]',
  unit: '{consumer}',
};
const FAILED_TRANSLATIONS: MetricDefinition = {
  name: `${PREFIX}_failed_translations`,
  description:
    'Number of translation operations that failed to translate metrics from Otel to Prometheus [Development]',
  unit: '1',
};
const SENT_BATCHES: MetricDefinition = {
  name: `${PREFIX}_sent_batches`,
  description:
    'Number of remote write request batches sent to the remote write endpoint ' +
    'regardless of success or failure [Development]',
  unit: '{batch}',
};
const TRANSLATED: MetricDefinition = {
  name: `${PREFIX}_translated_time_series`,
  description: 'Number of Prometheus time series that were translated from OTel metrics [Development]',
  unit: '1',
};

/** What the receiver says that it wrote, by the header in which it says so; only of the second version. */
const WRITTEN: readonly (readonly [header: string, definition: MetricDefinition])[] = (
  [
    ['samples', 'Samples', '{sample}'],
    ['histograms', 'Histograms', '{histogram}'],
    ['exemplars', 'Exemplars', '{exemplar}'],
  ] as const
).map(([what, title, unit]) => [
  `x-prometheus-remote-write-${what}-written`,
  {
    name: `${PREFIX}_written_${what}`,
    description:
      `Number of Prometheus ${title} that were successfully written to the remote write endpoint ` +
      '(only available when using remote write v2) [Development]',
    unit,
  },
]);

/** The metrics of one exporter. A counter shows from its first count on, as in the collector. */
export class RemoteWriteMetrics {
  readonly #settings: Settings;
  readonly #labels: Labels;
  readonly #counters = new Map<string, Counter>();

  constructor(settings: Settings, endpoint: string, consumers: number) {
    this.#settings = settings;
    this.#labels = { exporter: settings.name, endpoint };
    settings.meter.gauge(CONSUMERS, this.#labels).set(consumers);
  }

  translated(series: number): void {
    this.#add(TRANSLATED, series);
  }

  translationFailed(): void {
    this.#add(FAILED_TRANSLATIONS, 1);
  }

  sent(): void {
    this.#add(SENT_BATCHES, 1);
  }

  /** Returns the headers that are missing, which a receiver of the second version must send. */
  written(headers: Readonly<Record<string, unknown>>): string[] {
    const missing: string[] = [];
    for (const [header, definition] of WRITTEN) {
      const value = headers[header];
      if (typeof value === 'string' && /^\d{1,15}$/.test(value)) this.#add(definition, Number(value));
      else missing.push(header);
    }
    return missing;
  }

  #add(definition: MetricDefinition, value: number): void {
    let counter = this.#counters.get(definition.name);
    if (counter === undefined) {
      counter = this.#settings.meter.counter(definition, this.#labels);
      this.#counters.set(definition.name, counter);
    }
    counter.add(value);
  }
}
