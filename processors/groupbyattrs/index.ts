import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { GroupByAttrs } from './processor.ts';

export default defineProcessor<Config>({
  type: 'groupbyattrs',
  description: 'Moves attributes of items to their resource and joins what has the same resource.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: {},
  releases: true,
  create: (settings, config, next) => new GroupByAttrs(settings, config, next),
});
