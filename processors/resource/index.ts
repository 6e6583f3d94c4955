import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { ResourceProcessor } from './processor.ts';

export default defineProcessor<Config>({
  type: 'resource',
  description: 'Adds, changes and removes attributes of resources.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: {},
  releases: true,
  create: (settings, config, next) => new ResourceProcessor(settings, config, next),
});
