import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { BatchProcessor } from './processor.ts';

export default defineProcessor<Config>({
  type: 'batch',
  description: 'Joins requests into larger batches.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: { stateful: true },
  releases: true,
  create: (settings, config, next) => new BatchProcessor(settings, config, next),
});
