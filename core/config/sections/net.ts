import { duration, type Infer, oneOf, string, struct } from '../fields.ts';

const TRANSPORTS = [
  'tcp',
  'tcp4',
  'tcp6',
  'udp',
  'udp4',
  'udp6',
  'ip',
  'ip4',
  'ip6',
  'unix',
  'unixgram',
  'unixpacket',
  'npipe',
  '',
] as const;

const invalidTransport = (found: string): string => `invalid transport type ${JSON.stringify(found)}`;

const dialer = struct('confignet.DialerConfig', 'Limits of connecting.', {
  timeout: duration('Time limit for connecting; 0 means none.'),
});

/** `endpoint` and `transport` of servers. */
export const addr = struct(
  'confignet.AddrConfig',
  'Where to listen.',
  {
    endpoint: string('host:port to listen on; a path for unix sockets.'),
    transport: oneOf('Kind of socket.', TRANSPORTS, 'tcp', invalidTransport),
    dialer,
  },
  {
    validate(value, path, report) {
      if (value.transport === '') report(path, invalidTransport(''));
    },
  },
);
export type AddrConfig = Infer<typeof addr>;
