import { defineConnector } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { SpanMetricsConnector } from './connector.ts';

export default defineConnector<Config>({
  type: 'span_metrics',
  aliases: ['spanmetrics'],
  description: 'Makes request, error and duration metrics from spans.',
  config,
  signals: { traces: { metrics: 'alpha' } },
  surface: { stateful: true },
  releases: true,
  create: (settings, config, outputs) => new SpanMetricsConnector(settings, config, outputs),
});
