import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { Pprof } from './extension.ts';

export default defineExtension<Config>({
  type: 'pprof',
  description: 'Serves CPU and heap profiles of the process in the pprof format.',
  config,
  stability: 'beta',
  surface: { listens: true, files: 'write' },
  create: (settings, config) => new Pprof(settings, config),
});
