import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { debugExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'debug',
  description: 'Prints telemetry to the log, to the console or to files.',
  config,
  signals: { traces: 'alpha', metrics: 'alpha', logs: 'alpha' },
  surface: { files: 'write' },
  releases: true,
  create: debugExporter,
});
