import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { FileStorage } from './extension.ts';

export default defineExtension<Config>({
  type: 'file_storage',
  description: 'Keeps data of other components on disk: sending queues, traces that wait for a decision.',
  config,
  stability: 'beta',
  surface: { files: 'both', stateful: true },
  create: (settings, config) => new FileStorage(settings, config),
});
