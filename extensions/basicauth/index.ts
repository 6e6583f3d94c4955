import { defineExtension } from '../../core/factory.ts';
import { BasicAuthClient } from './client.ts';
import { type Config, config } from './config.ts';
import { BasicAuthServer } from './server.ts';

export default defineExtension<Config>({
  type: 'basicauth',
  description: 'HTTP basic authentication: checks passwords for receivers, sends one for exporters.',
  config,
  stability: 'beta',
  surface: { files: 'read' },
  create(settings, config) {
    if (config.htpasswd !== undefined) return new BasicAuthServer(settings, config.htpasswd);
    if (config.client_auth !== undefined) return new BasicAuthClient(settings, config.client_auth);
    throw new Error('no credential source provided');
  },
});
