import { bool, type Infer, struct } from '../../core/config/fields.ts';
import { httpServer } from '../../core/config/sections/http-server.ts';

const expvar = struct('zpagesextension.ExpvarConfig', 'Variables of the process as JSON.', {
  enabled: bool('Whether /debug/expvarz is served.'),
});

export const config = struct(
  'zpagesextension.Config',
  'Where the pages are served.',
  { expvar },
  {
    embed: [httpServer.with({ endpoint: 'localhost:55679' })],
    validate(value, path, report) {
      if (value.endpoint === '') report(path, '"endpoint" is required when using the "zpages" extension');
    },
  },
);
export type Config = Infer<typeof config>;
