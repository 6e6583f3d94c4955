import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { Interval } from './processor.ts';

export default defineProcessor<Config>({
  type: 'interval',
  description: 'Hands on the last point of each metric series once in an interval.',
  config,
  signals: { metrics: 'alpha' },
  surface: { stateful: true },
  releases: true,
  create: (settings, config, next) => new Interval(settings, config, next),
});
