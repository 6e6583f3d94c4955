import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { ZPages } from './extension.ts';

export default defineExtension<Config>({
  type: 'zpages',
  description: 'Pages that show the running process: pipelines, their state, recent errors, feature gates.',
  config,
  stability: 'beta',
  surface: { listens: true },
  create: (settings, config) => new ZPages(settings, config),
});
