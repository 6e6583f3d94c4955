import { bool, duration, headers, type Infer, oneOf, optional, string, struct, withoutEffect } from '../fields.ts';
import { splitHostPort } from '../host-port.ts';
import { auth, bufferSize, COMPRESSIONS, middlewares, unsupportedCompression } from './common.ts';
import { tlsClient } from './tls.ts';

const keepalive = struct('configgrpc.KeepaliveClientConfig', 'Pings that show whether the connection is alive.', {
  time: duration('A silent connection is pinged after this time; below 10s means 10s.'),
  timeout: duration('A connection that does not answer for this time is closed; 0 means 20s.'),
  permit_without_stream: bool('Whether to ping while no request is open.'),
});

const BALANCERS: readonly string[] = ['', 'round_robin', 'pick_first'];

/** The gRPC client section. */
export const grpcClient = struct(
  'configgrpc.ClientConfig',
  'The gRPC client.',
  {
    endpoint: string('host:port to send to. http:// means plain text, https:// TLS; dns:/// and unix:// are known.'),
    compression: oneOf('How messages are compressed.', COMPRESSIONS, '', unsupportedCompression),
    tls: tlsClient,
    keepalive: optional(keepalive, { present: false, whenNull: 'off' }),
    read_buffer_size: bufferSize(),
    write_buffer_size: bufferSize(),
    wait_for_ready: bool('Whether a request waits for a connection instead of failing at once.'),
    headers: headers('Metadata of every request.'),
    user_agent: string('Replaces the name of this program in the user-agent header.'),
    balancer_name: withoutEffect(
      'there is one connection, to the first address that answers',
      (doc) => string(doc, 'round_robin'),
      'pick_first',
    ),
    authority: string('Replaces the :authority of requests.'),
    auth,
    middlewares,
  },
  {
    validate(value, path, report) {
      if (!BALANCERS.includes(value.balancer_name)) report(path, `invalid balancer_name: ${value.balancer_name}`);
      const fault = endpointFault(value.endpoint);
      if (fault !== undefined) report(path, fault);
    },
  },
);
export type GrpcClientConfig = Infer<typeof grpcClient>;

/** An empty endpoint is the business of the component: for some it is allowed. */
function endpointFault(endpoint: string): string | undefined {
  if (endpoint.startsWith('unix://')) return endpoint === 'unix://' ? 'unix socket path cannot be empty' : undefined;
  const address = addressOf(endpoint);
  if (address === '') return undefined;
  const split = splitHostPort(address);
  if ('error' in split) return split.error;
  return /^[+-]?\d{1,18}$/.test(split.port) ? undefined : `invalid port ${JSON.stringify(split.port)}`;
}

/** What has to be host:port. Of a URL with a resolver's scheme it is the path; its authority is not checked. */
function addressOf(endpoint: string): string {
  const plain = endpoint.replace(/^https?:\/\/|^dns:\/\/\/?/, '');
  if (plain !== endpoint) return plain;
  const resolver = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*\/?(.*)$/.exec(endpoint);
  return resolver === null ? endpoint : (resolver[1] ?? '');
}
