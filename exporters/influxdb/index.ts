import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { influxdbExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'influxdb',
  description: 'Writes to InfluxDB, or whatever takes its line protocol over HTTP.',
  ours: 'left the collector with v0.154',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: { dials: true },
  releases: true,
  create: influxdbExporter,
});
