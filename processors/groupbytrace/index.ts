import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { GroupByTrace } from './processor.ts';

export default defineProcessor<Config>({
  type: 'groupbytrace',
  description: 'Collects the spans of a trace for a time and hands them on together.',
  config,
  signals: { traces: 'beta' },
  surface: { stateful: true },
  releases: true,
  create: (settings, config, next) => new GroupByTrace(settings, config, next),
});
