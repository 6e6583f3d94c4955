import { defineExporter } from '../../core/factory.ts';
import { config } from './config.ts';
import { clickhouseExporter } from './exporter.ts';

export default defineExporter({
  type: 'clickhouse',
  description: 'Writes spans, log records and metrics into ClickHouse, on a server or embedded.',
  config,
  signals: { traces: 'beta', metrics: 'alpha', logs: 'beta' },
  surface: { dials: true, files: 'both' },
  releases: true,
  create: clickhouseExporter,
});
