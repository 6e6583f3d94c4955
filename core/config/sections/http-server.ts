import { bool, duration, headers, type Infer, int, optional, stringList, struct } from '../fields.ts';
import { httpServerAuth, middlewares } from './common.ts';
import { addr } from './net.ts';
import { tlsServer } from './tls.ts';

/** Bodies above this are refused unless the user allows more: room for big batches, not for an attack. */
export const DEFAULT_MAX_BODY = 20 * 1024 * 1024;

const cors = struct('confighttp.CORSConfig', 'Requests from web pages of other origins.', {
  allowed_origins: stringList('Origins that may send, with * as a wildcard; empty means none.'),
  allowed_headers: stringList('Request headers they may use beside the usual ones.'),
  exposed_headers: stringList('Response headers they may read.'),
  max_age: int('Seconds for which a browser may remember the answer.', 0, 'int'),
});

/** The HTTP server section. */
export const httpServer = struct(
  'confighttp.ServerConfig',
  'The HTTP server.',
  {
    tls: tlsServer,
    cors: optional(cors, { present: false, whenNull: 'off' }),
    auth: httpServerAuth,
    max_request_body_size: int('Largest body in bytes, on the wire and decompressed; 0 means 20 MiB.'),
    include_metadata: bool('Whether request headers travel along with the data, for components that use them.'),
    response_headers: headers('Headers of every response.'),
    compression_algorithms: stringList('Content encodings that are accepted.', [
      '',
      'gzip',
      'zstd',
      'zlib',
      'snappy',
      'deflate',
      'lz4',
      'x-snappy-framed',
    ]),
    read_timeout: duration('Time limit for reading a request; 0 means none.'),
    read_header_timeout: duration('Time limit for reading the headers; 0 means none.', '1m'),
    write_timeout: duration('Time limit for writing a response; 0 means none.', '30s'),
    idle_timeout: duration('An idle connection is closed after this time; 0 means never.', '1m'),
    keep_alives_enabled: bool('Whether connections are kept open between requests.', true),
    middlewares,
  },
  { embed: [addr] },
);
export type HttpServerConfig = Infer<typeof httpServer>;
