import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { remoteWriteExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'prometheus_remote_write',
  aliases: ['prometheusremotewrite'],
  description: 'Writes to Prometheus and what takes remote write like it.',
  config,
  signals: { metrics: 'beta' },
  surface: { dials: true },
  releases: true,
  create: remoteWriteExporter,
});
