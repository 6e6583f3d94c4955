import { defineConnector } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { ForwardConnector } from './connector.ts';

export default defineConnector<Config>({
  type: 'forward',
  description: 'Passes telemetry from pipelines on to other pipelines of the same signal.',
  config,
  signals: { traces: { traces: 'beta' }, metrics: { metrics: 'beta' }, logs: { logs: 'beta' } },
  surface: {},
  releases: true,
  create: (_settings, _config, outputs) => new ForwardConnector(outputs),
});
