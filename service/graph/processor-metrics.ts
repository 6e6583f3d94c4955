import type { HistogramDefinition, MetricDefinition } from '../../core/meter.ts';

/** The metrics that the graph keeps for every processor; names as the collector's processor helper has them. */
export const INCOMING: MetricDefinition = {
  name: 'otelcol_processor_incoming_items',
  description: 'Number of items passed to the processor. [Alpha]',
  unit: '{items}',
};

export const OUTGOING: MetricDefinition = {
  name: 'otelcol_processor_outgoing_items',
  description: 'Number of items emitted from the processor. [Alpha]',
  unit: '{items}',
};

export const INTERNAL_DURATION: HistogramDefinition = {
  name: 'otelcol_processor_internal_duration',
  description: 'Duration of time taken to process a batch of telemetry data through the processor. [Alpha]',
  unit: 's',
  level: 'detailed',
  bounds: [0, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
};
