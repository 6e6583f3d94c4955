import { defineProcessor } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { RedactionProcessor } from './processor.ts';

export default defineProcessor<Config>({
  type: 'redaction',
  description: 'Removes attributes that are not allowed and masks values that must not be seen.',
  config,
  signals: { traces: 'beta', metrics: 'alpha', logs: 'alpha' },
  surface: {},
  releases: true,
  create: (settings, config, next) => new RedactionProcessor(settings, config, next),
});
