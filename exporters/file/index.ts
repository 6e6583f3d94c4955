import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { fileExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'file',
  description: 'Writes telemetry to files, as OTLP/JSON lines or OTLP protobuf.',
  config,
  signals: { traces: 'alpha', metrics: 'alpha', logs: 'alpha' },
  surface: { files: 'write' },
  releases: true,
  create: fileExporter,
});
