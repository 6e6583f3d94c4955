import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { AttributesProcessor } from './processor.ts';

export default defineProcessor<Config>({
  type: 'attributes',
  description: 'Adds, changes and removes attributes of spans, log records and data points.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: {},
  releases: true,
  create: (settings, config, next) => new AttributesProcessor(settings, config, next),
});
