import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { MemoryLimiterExtension } from './extension.ts';

export default defineExtension<Config>({
  type: 'memory_limiter',
  description: 'Refuses requests at the door of servers while the process uses too much memory.',
  config,
  stability: 'alpha',
  surface: {},
  create: (settings, config) => new MemoryLimiterExtension(settings, config),
});
