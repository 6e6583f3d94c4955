import { defineConnector } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { dedupConnector } from './connector.ts';

export default defineConnector<Config>({
  type: 'dedup',
  description: 'Makes one alert, or log record, of all that are alike in a window of event time.',
  config,
  signals: { logs: { logs: 'alpha' } },
  surface: { stateful: true },
  releases: true,
  create: dedupConnector,
});
