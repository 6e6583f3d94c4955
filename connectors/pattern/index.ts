import { defineConnector } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { patternConnector } from './connector.ts';

export default defineConnector<Config>({
  type: 'pattern',
  description: 'Finds patterns of events (CEP) and makes alerts of them.',
  config,
  signals: { logs: { logs: 'alpha' }, traces: { logs: 'alpha' } },
  surface: { stateful: true },
  releases: true,
  create: patternConnector,
});
