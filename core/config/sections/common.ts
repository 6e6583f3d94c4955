import { componentId, int, list, optional, stringList, struct, withoutEffect } from '../fields.ts';

const authKeys = { authenticator: componentId('Extension that authenticates.') };

/** `auth` of clients and gRPC servers. */
export const auth = optional(struct('configauth.Config', 'Authentication.', authKeys), {
  present: false,
  whenNull: 'off',
});

/** `auth` of HTTP servers. */
export const httpServerAuth = optional(
  struct('confighttp.AuthConfig', 'Authentication of requests.', {
    ...authKeys,
    request_params: stringList('Query parameters handed to the authenticator beside the headers.'),
  }),
  { present: false, whenNull: 'off' },
);

/** `read_buffer_size` and `write_buffer_size`, with the default that the collector has; 0 leaves it to the program. */
export const bufferSize = (def = 0) =>
  withoutEffect('buffers have the size of what is in them', (doc) => int(doc, def, 'int'), 0);

export const middlewares = list(
  'Extensions that see each request, in this order.',
  struct('configmiddleware.Config', 'One of them.', { id: componentId('Id of the extension.') }),
);

const COMPRESSIONS = ['', 'none', 'gzip', 'zstd', 'snappy', 'x-snappy-framed', 'zlib', 'deflate', 'lz4'] as const;
export type Compression = (typeof COMPRESSIONS)[number];
export { COMPRESSIONS };

export const unsupportedCompression = (found: string) => `unsupported compression type ${JSON.stringify(found)}`;
