import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { ProbabilisticSampler } from './processor.ts';

export default defineProcessor<Config>({
  type: 'probabilistic_sampler',
  description: 'Keeps a share of the spans or log records, the same for everybody who decides about a trace.',
  config,
  signals: { traces: 'beta', logs: 'alpha' },
  surface: {},
  releases: true,
  create: (settings, config, next) => new ProbabilisticSampler(settings, config, next),
});
