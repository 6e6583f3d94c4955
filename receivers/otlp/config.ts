import { duration, type Infer, optional, string, struct, uint32 } from '../../core/config/fields.ts';
import { bufferSize } from '../../core/config/sections/common.ts';
import { grpcServer } from '../../core/config/sections/grpc-server.ts';
import { httpServer } from '../../core/config/sections/http-server.ts';
import { urlPathOf } from '../../core/http/path.ts';
import { SIGNALS } from '../../core/signal.ts';

/** What grpc-go reads at a time in the collector; the key is accepted, our reads have a size of their own. */
const READ_BUFFER = 512 * 1024;

const maxConnections = uint32('Connections at a time, one more is closed at once; 0 means 10000.');

const grpc = struct(
  'configgrpc.ServerConfig',
  'OTLP/gRPC.',
  {
    endpoint: string('host:port to listen on; a path for unix sockets.', 'localhost:4317'),
    read_buffer_size: bufferSize(READ_BUFFER),
    max_connections: maxConnections,
  },
  { embed: [grpcServer], ours: ['max_connections'] },
);
export type GrpcConfig = Infer<typeof grpc>;

const http = struct(
  'otlpreceiver.HTTPConfig',
  'OTLP/HTTP.',
  {
    endpoint: string('host:port to listen on; a path for unix sockets.', 'localhost:4318'),
    read_header_timeout: duration('Time limit for reading the headers; 0 means none.', '0s'),
    write_timeout: duration('Time limit for writing a response; 0 means none.', '0s'),
    idle_timeout: duration('An idle connection is closed after this time; 0 means never.', '0s'),
    traces_url_path: string('Path to which traces are sent.', '/v1/traces'),
    metrics_url_path: string('Path to which metrics are sent.', '/v1/metrics'),
    logs_url_path: string('Path to which logs are sent.', '/v1/logs'),
    max_connections: maxConnections,
  },
  {
    embed: [httpServer],
    ours: ['max_connections'],
    validate(value, path, report) {
      for (const signal of SIGNALS) {
        const key = `${signal}_url_path` as const;
        const parsed = urlPathOf(value[key]);
        if (typeof parsed === 'string') continue;
        report(`${path}::${key}`, `invalid HTTP URL path set for signal: ${parsed.error}`);
      }
    },
  },
);
export type HttpConfig = Infer<typeof http>;

const protocols = struct('otlpreceiver.Protocols', 'What to listen for; at least one of them.', {
  grpc: optional(grpc, { present: false }),
  http: optional(http, { present: false }),
});

export const config = struct(
  'otlpreceiver.Config',
  'Receives OTLP.',
  { protocols },
  {
    validate(value, path, report) {
      if (value.protocols.grpc === undefined && value.protocols.http === undefined) {
        report(path, 'must specify at least one protocol when using the OTLP receiver');
      }
    },
  },
);
export type Config = Infer<typeof config>;
