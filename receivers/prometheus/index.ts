import { defineReceiver } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { PrometheusReceiver } from './receiver.ts';

export default defineReceiver<Config>({
  type: 'prometheus',
  description: 'Scrapes Prometheus pages.',
  config,
  signals: { metrics: 'beta' },
  surface: { dials: true, files: 'read', stateful: true },
  releases: true,
  create: (settings, config, outputs) => new PrometheusReceiver(settings, config, outputs),
});
