import { bool, duration, type Infer, int, optional, struct, uint32 } from '../fields.ts';
import type { ConfigNode } from '../node.ts';
import { auth, bufferSize, middlewares } from './common.ts';
import { addr } from './net.ts';
import { tlsServer } from './tls.ts';

const parameters = struct('configgrpc.KeepaliveServerParameters', 'When the server closes or pings connections.', {
  max_connection_idle: duration('A connection without requests is closed after this time; 0 means never.'),
  max_connection_age: duration('A connection is closed after this time; 0 means never.'),
  max_connection_age_grace: duration('Time for its last requests then; 0 means no limit.'),
  time: duration('A silent connection is pinged after this time; 0 means 2h.'),
  timeout: duration('A connection that does not answer a ping for this time is closed; 0 means 20s.'),
});

const enforcement = struct('configgrpc.KeepaliveEnforcementPolicy', 'Which pings of clients are tolerated.', {
  min_time: duration('Clients that ping more often are disconnected; 0 means 5m.'),
  permit_without_stream: bool('Whether clients may ping while they have no request open.'),
});

const keepalive = struct('configgrpc.KeepaliveServerConfig', 'Keeping connections alive.', {
  server_parameters: optional(parameters, { present: true }),
  enforcement_policy: optional(enforcement, { present: true }),
});

const MIB = 1024 * 1024;

/** Never less than was asked for: a client's messages that were taken would be refused. */
function bytesToMib(node: ConfigNode): ConfigNode {
  if (node.kind !== 'scalar' || typeof node.value !== 'number') return node;
  return { kind: 'scalar', value: Math.ceil(node.value / MIB), at: node.at };
}

/** The gRPC server section. */
export const grpcServer = struct(
  'configgrpc.ServerConfig',
  'The gRPC server.',
  {
    tls: tlsServer,
    max_recv_msg_size_mib: int('Largest message in MiB; 0 means 4.', 0, 'int'),
    max_concurrent_streams: uint32('Requests at a time on one connection; 0 means no limit.'),
    read_buffer_size: bufferSize(),
    write_buffer_size: bufferSize(),
    keepalive: optional(keepalive, { present: true }),
    auth,
    include_metadata: bool('Whether request metadata travels along with the data, for components that use it.'),
    middlewares,
  },
  {
    embed: [addr],
    legacy: { max_recv_msg_size: { standard: 'max_recv_msg_size_mib', convert: bytesToMib } },
    validate(value, path, report) {
      const most = Math.floor(2 ** 63 / MIB);
      if (value.max_recv_msg_size_mib < 0 || value.max_recv_msg_size_mib > most) {
        report(
          path,
          `invalid max_recv_msg_size_mib value, must be between 0 and ${most}: ${value.max_recv_msg_size_mib}`,
        );
      }
      if (value.read_buffer_size < 0) report(path, `invalid read_buffer_size value: ${value.read_buffer_size}`);
      if (value.write_buffer_size < 0) report(path, `invalid write_buffer_size value: ${value.write_buffer_size}`);
    },
  },
);
export type GrpcServerConfig = Infer<typeof grpcServer>;
