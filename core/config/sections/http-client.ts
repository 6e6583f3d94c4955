import {
  bool,
  duration,
  headers,
  type Infer,
  int,
  oneOf,
  optional,
  type Report,
  string,
  struct,
  withoutEffect,
} from '../fields.ts';
import { auth, bufferSize, COMPRESSIONS, type Compression, middlewares, unsupportedCompression } from './common.ts';
import { tlsClient } from './tls.ts';

const compressionParams = struct('configcompression.CompressionParams', 'How to compress.', {
  level: int('Compression level; 0 means the default of the algorithm.', 0, 'int'),
});

const HTTP_1 = 'requests are HTTP/1.1';

/** The HTTP client section. */
export const httpClient = struct(
  'confighttp.ClientConfig',
  'The HTTP client.',
  {
    endpoint: string('URL to send to.'),
    proxy_url: string('URL of a proxy; where it is empty the environment decides.'),
    tls: tlsClient,
    read_buffer_size: bufferSize(),
    write_buffer_size: bufferSize(),
    timeout: duration('Time limit of each attempt to send; 0 means none.'),
    headers: headers('Headers of every request.'),
    auth,
    compression: oneOf('How bodies are compressed.', COMPRESSIONS, '', unsupportedCompression),
    compression_params: compressionParams,
    max_idle_conns: int('Idle connections kept open; 0 means no limit.', 100, 'int'),
    max_idle_conns_per_host: int('Idle connections kept open for each host; 0 means the default.', 0, 'int'),
    max_conns_per_host: int('Connections for each host; 0 means no limit.', 0, 'int'),
    idle_conn_timeout: duration('An idle connection is closed after this time; 0 means never.', '90s'),
    disable_keep_alives: bool('Whether each request has a connection of its own.'),
    http2_read_idle_timeout: withoutEffect(HTTP_1, (doc) => duration(doc)),
    http2_ping_timeout: withoutEffect(HTTP_1, (doc) => duration(doc)),
    cookies: optional(struct('confighttp.CookiesConfig', 'Keeps cookies that the server sets.', {}), {
      present: false,
      whenNull: 'off',
    }),
    force_attempt_http2: withoutEffect(HTTP_1, (doc) => bool(doc, true), false),
    middlewares,
  },
  { validate: (value, path, report) => checkLevel(value.compression, value.compression_params.level, path, report) },
);
export type HttpClientConfig = Infer<typeof httpClient>;

const DEFLATE_LEVELS: readonly number[] = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Levels exist for the deflate family and zstd only. */
function checkLevel(compression: Compression, level: number, path: string, report: Report): void {
  if (compression === '' || compression === 'none' || compression === 'zstd') return;
  const deflate = compression === 'gzip' || compression === 'zlib' || compression === 'deflate';
  if (deflate ? DEFLATE_LEVELS.includes(level) : level === 0) return;
  report(path, `unsupported parameters {Level:${level}} for compression type ${JSON.stringify(compression)}`);
}
