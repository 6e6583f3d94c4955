import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { SpanProcessor } from './processor.ts';

export default defineProcessor<Config>({
  type: 'span',
  description: 'Renames spans, makes attributes of their names, and sets their status.',
  config,
  signals: { traces: 'alpha' },
  surface: {},
  releases: true,
  create: (settings, config, next) => new SpanProcessor(settings, config, next),
});
