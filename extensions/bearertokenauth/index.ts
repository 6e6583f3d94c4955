import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { BearerTokenAuth } from './extension.ts';

export default defineExtension<Config>({
  type: 'bearertokenauth',
  description: 'Bearer tokens: checks them for receivers, sends one for exporters.',
  config,
  stability: 'beta',
  surface: { files: 'read' },
  create: (settings, config) => new BearerTokenAuth(settings, config),
});
