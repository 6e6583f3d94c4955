import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { CumulativeToDelta } from './processor.ts';

export default defineProcessor<Config>({
  type: 'cumulativetodelta',
  description: 'Turns cumulative sums and histograms into deltas.',
  config,
  signals: { metrics: 'beta' },
  surface: { stateful: true },
  releases: true,
  create: (settings, config, next) => new CumulativeToDelta(settings, config, next),
});
