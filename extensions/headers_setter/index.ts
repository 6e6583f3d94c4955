import { defineExtension } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { HeadersSetter } from './extension.ts';

export default defineExtension<Config>({
  type: 'headers_setter',
  description: 'Sets headers of the requests of exporters, also from those of the request that brought the data.',
  config,
  stability: 'alpha',
  surface: { files: 'read' },
  create: (settings, config) => new HeadersSetter(settings, config),
});
