import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { MemoryLimiter } from './processor.ts';

export default defineProcessor<Config>({
  type: 'memory_limiter',
  description: 'Refuses data while the process uses too much memory.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: {},
  releases: true,
  create: (settings, config, next) => new MemoryLimiter(settings, config, next),
});
