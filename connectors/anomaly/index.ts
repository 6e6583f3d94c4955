import { defineConnector } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { anomalyConnector } from './connector.ts';

export default defineConnector<Config>({
  type: 'anomaly',
  description: 'Makes alerts of metric values that are far from what they have been.',
  config,
  signals: { metrics: { logs: 'alpha' } },
  surface: { files: 'both', stateful: true },
  releases: true,
  create: anomalyConnector,
});
