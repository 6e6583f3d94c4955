import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { TailSamplingProcessor } from './processor.ts';

export default defineProcessor<Config>({
  type: 'tail_sampling',
  description: 'Decides about whole traces, after their last span, which to keep.',
  config,
  signals: { traces: 'beta' },
  surface: { stateful: true },
  releases: true,
  create: (settings, config, next) => new TailSamplingProcessor(settings, config, next),
});
