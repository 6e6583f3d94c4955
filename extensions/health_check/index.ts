import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { HealthCheck } from './extension.ts';

export default defineExtension<Config>({
  type: 'health_check',
  description: 'Answers probes: whether the pipelines are running.',
  config,
  stability: 'alpha',
  surface: { listens: true },
  create: (settings, config) => new HealthCheck(settings, config),
});
