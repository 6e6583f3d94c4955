import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { CheckpointExtension } from './extension.ts';

export default defineExtension<Config>({
  type: 'checkpoint',
  description: 'Keeps the state of stages that process streams, together with how far their sources are.',
  config,
  stability: 'alpha',
  surface: { dials: true, stateful: true },
  create: (settings, config) => new CheckpointExtension(settings, config),
});
