import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { NopExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'nop',
  description: 'Accepts everything and discards it.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: {},
  releases: true,
  create: () => new NopExporter(),
});
