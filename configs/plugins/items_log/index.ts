import { defineProcessor } from '../../../core/factory.ts';
import { type Config, config } from './config.ts';
import { ItemsLogProcessor } from './processor.ts';

export default defineProcessor<Config>({
  type: 'items_log',
  description: 'Logs at intervals how many items passed.',
  config,
  signals: { traces: 'development', metrics: 'development', logs: 'development' },
  surface: {},
  create: (settings, config, next) => new ItemsLogProcessor(settings, config, next),
});
