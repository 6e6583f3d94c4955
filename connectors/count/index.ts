import { defineConnector } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { CountConnector } from './connector.ts';

export default defineConnector<Config>({
  type: 'count',
  description: 'Counts spans, span events, metrics, data points and log records.',
  config,
  signals: { traces: { metrics: 'alpha' }, metrics: { metrics: 'alpha' }, logs: { metrics: 'alpha' } },
  surface: {},
  releases: true,
  create: (settings, config, outputs) => new CountConnector(settings, config, outputs),
});
