import { defineExporter } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { alertExporter } from './exporter.ts';

export default defineExporter<Config>({
  type: 'alert',
  description: 'Sends alerts, log records with alert.type, to a webhook or to Alertmanager.',
  config,
  signals: { logs: 'alpha' },
  surface: { dials: true },
  releases: true,
  create: alertExporter,
});
