import { defineReceiver } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { KafkaReceiver } from './receiver.ts';

export default defineReceiver<Config>({
  type: 'kafka',
  description: 'Consumes from Kafka.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: { dials: true },
  releases: true,
  create: (settings, config, outputs) => new KafkaReceiver(settings, config, outputs),
});
