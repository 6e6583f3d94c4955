import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { otlpHttpExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'otlp_http',
  aliases: ['otlphttp'],
  description: 'Sends OTLP over HTTP.',
  config,
  signals: { traces: 'stable', metrics: 'stable', logs: 'stable' },
  surface: { dials: true },
  releases: true,
  create: otlpHttpExporter,
});
