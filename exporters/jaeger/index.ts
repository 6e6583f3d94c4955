import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { jaegerExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'jaeger',
  description: 'Sends spans to a Jaeger collector in its own format over gRPC.',
  ours: "left the collector with v0.86; Jaeger takes OTLP, so 'otlp_grpc' is the way today",
  config,
  signals: { traces: 'deprecated' },
  surface: { dials: true },
  releases: true,
  create: jaegerExporter,
});
