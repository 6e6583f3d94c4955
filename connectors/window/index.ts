import { defineConnector } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { windowConnector } from './connector.ts';

export default defineConnector<Config>({
  type: 'window',
  description: 'Aggregates metrics, log records or spans in windows of event time.',
  config,
  signals: { metrics: { metrics: 'alpha' }, logs: { metrics: 'alpha' }, traces: { metrics: 'alpha' } },
  surface: { stateful: true },
  releases: true,
  create: windowConnector,
});
