import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { kafkaExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'kafka',
  description: 'Sends to Kafka.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: { dials: true },
  releases: true,
  create: (settings, config) => kafkaExporter(settings, config),
});
