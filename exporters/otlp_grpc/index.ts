import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { otlpGrpcExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'otlp_grpc',
  aliases: ['otlp'],
  description: 'Sends OTLP over gRPC.',
  config,
  signals: { traces: 'stable', metrics: 'stable', logs: 'stable' },
  surface: { dials: true },
  releases: true,
  create: otlpGrpcExporter,
});
