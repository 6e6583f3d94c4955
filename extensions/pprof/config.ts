import { duration, type Infer, int, string, struct } from '../../core/config/fields.ts';

const dialer = struct('confignet.DialerConfig', 'Accepted, without effect on a server.', {
  timeout: duration('Without effect.'),
});

export const config = struct('pprofextension.Config', 'Where profiles are served.', {
  endpoint: string('host:port to listen on; with an empty one nothing is served.', 'localhost:1777'),
  dialer,
  block_profile_fraction: int('Accepted, without effect: there are no blocking threads to sample.'),
  mutex_profile_fraction: int('Accepted, without effect: there are no mutexes to sample.'),
  save_to_file: string('File for a CPU profile of the whole life of the process, written when it stops.'),
});
export type Config = Infer<typeof config>;
