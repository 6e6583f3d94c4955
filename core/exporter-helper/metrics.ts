import type { Settings } from '../component.ts';
import type { PipelineError } from '../error.ts';
import type { Counter, Histogram, HistogramDefinition, Labels, MetricDefinition } from '../meter.ts';
import type { Signal } from '../signal.ts';
import { ITEM_NAME } from '../signal.ts';
import { goStatusName } from '../status-code.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { DeadlineError, ShutdownError } from './types.ts';

/** What one item is called in descriptions and units; the descriptions are the collector's. */
const ITEM: Readonly<Record<Signal, { readonly words: string; readonly sent: string; readonly unit: string }>> = {
  traces: { words: 'spans', sent: 'spans', unit: '{span}' },
  metrics: { words: 'metric points', sent: 'metric points', unit: '{datapoint}' },
  logs: { words: 'log records', sent: 'log record', unit: '{record}' },
};

const IN_FLIGHT: MetricDefinition = {
  name: 'otelcol_exporter_in_flight_requests',
  description: 'Number of export requests currently in-flight (including retry backoff). [Development]',
  unit: '{request}',
};
const QUEUE_SIZE: MetricDefinition = {
  name: 'otelcol_exporter_queue_size',
  description: 'Current size of the retry queue (in batches). [Alpha]',
  unit: '{batch}',
};
const QUEUE_CAPACITY: MetricDefinition = {
  name: 'otelcol_exporter_queue_capacity',
  description: 'Fixed capacity of the retry queue (in batches). [Alpha]',
  unit: '{batch}',
};
const SEND_SIZE: HistogramDefinition = {
  name: 'otelcol_exporter_queue_batch_send_size',
  description: 'Number of units in the batch [Development]',
  unit: '{unit}',
  level: 'detailed',
  bounds: [
    10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000, 30000,
    50000, 100000,
  ],
};
const SEND_SIZE_BYTES: HistogramDefinition = {
  name: 'otelcol_exporter_queue_batch_send_size_bytes',
  description: 'Number of bytes in batch that was sent. Only available on detailed level. [Development]',
  unit: 'By',
  level: 'detailed',
  bounds: [10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000],
};

/** The self-metrics of one signal of an exporter. Counters show from their first event on, as the collector's do. */
export class ExporterMetrics {
  readonly #settings: Settings;
  readonly #signal: Signal;
  readonly #labels: Labels;
  readonly #observed: (() => void)[] = [];
  readonly #detailed: boolean;
  #sent: Counter | undefined;
  #enqueueFailed: Counter | undefined;
  #sendSize: Histogram | undefined;
  #sendBytes: Histogram | undefined;

  constructor(settings: Settings, signal: Signal, labels: Labels) {
    this.#settings = settings;
    this.#signal = signal;
    this.#labels = { exporter: settings.name, ...labels };
    this.#detailed = settings.meter.enabled(SEND_SIZE);
  }

  observeInFlight(read: () => number): void {
    this.#observe(IN_FLIGHT, read);
  }

  observeQueue(queue: { readonly size: number; readonly capacity: number }): void {
    this.#observe(QUEUE_SIZE, () => queue.size);
    this.#observe(QUEUE_CAPACITY, () => queue.capacity);
  }

  sent(items: number): void {
    this.#sent ??= this.#counter('sent', `Number of ${ITEM[this.#signal].sent} successfully sent to destination.`);
    this.#sent.add(items);
  }

  failed(items: number, error: PipelineError): void {
    this.sent(0);
    const detail = this.#detailed ? { error_type: errorType(error), error_permanent: String(error.permanent) } : {};
    this.#counter(
      'send_failed',
      `Number of ${ITEM[this.#signal].words} in failed attempts to send to destination. At detailed telemetry level, ` +
        'includes attributes: error.type (semantic convention), error.permanent.',
      { ...this.#labels, ...detail },
    ).add(items);
  }

  offered(batch: Telemetry): void {
    if (!this.#detailed) return;
    const labels = { exporter: this.#settings.name };
    this.#sendSize ??= this.#settings.meter.histogram(SEND_SIZE, labels);
    this.#sendBytes ??= this.#settings.meter.histogram(SEND_SIZE_BYTES, labels);
    this.#sendSize.record(batch.items);
    this.#sendBytes.record(batch.byteLength);
  }

  enqueueFailed(items: number): void {
    this.#enqueueFailed ??= this.#counter(
      'enqueue_failed',
      `Number of ${ITEM[this.#signal].words} failed to be added to the sending queue.`,
      { exporter: this.#settings.name },
    );
    this.#enqueueFailed.add(items);
  }

  /** Ends the series that read live values. */
  close(): void {
    for (const end of this.#observed.splice(0)) end();
  }

  #counter(event: string, description: string, labels: Labels = this.#labels): Counter {
    const name = `otelcol_exporter_${event}_${ITEM_NAME[this.#signal]}`;
    const unit = ITEM[this.#signal].unit;
    return this.#settings.meter.counter({ name, description: `${description} [Alpha]`, unit }, labels);
  }

  #observe(definition: MetricDefinition, read: () => number): void {
    const labels = { exporter: this.#settings.name, data_type: this.#signal };
    this.#observed.push(this.#settings.meter.observe(definition, labels, 'gauge', read));
  }
}

/** The `error.type` of a failure: a gRPC status as Go spells it (`DeadlineExceeded`), or how the attempt ended. */
function errorType(error: PipelineError): string {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ShutdownError) return 'Shutdown';
    if (cause instanceof DeadlineError) return 'Deadline_Exceeded';
  }
  if (!error.hasStatus) return '_OTHER';
  return goStatusName(error.code);
}
