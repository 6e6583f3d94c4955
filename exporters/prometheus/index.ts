import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { prometheusExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'prometheus',
  description: 'Serves the newest value of every metric series for Prometheus to scrape.',
  config,
  signals: { metrics: 'beta' },
  surface: { listens: true, stateful: true },
  releases: true,
  create: prometheusExporter,
});
