import { defineReceiver } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { NopReceiver } from './receiver.ts';

export default defineReceiver<Config>({
  type: 'nop',
  description: 'Receives nothing.',
  config,
  signals: { traces: 'beta', metrics: 'beta', logs: 'beta' },
  surface: {},
  releases: true,
  create: () => new NopReceiver(),
});
