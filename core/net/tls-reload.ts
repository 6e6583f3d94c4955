import type { Clock, Timer } from '../clock.ts';
import type { TlsCommonConfig } from '../config/sections/tls.ts';

/** Where certificates of clients are to be followed without an interval being set, they are looked at this often. */
const CLIENT_CA_PERIOD_MS = 10_000;

interface Reloadable extends TlsCommonConfig {
  readonly client_ca_file_reload?: boolean;
}

/**
 * Reads certificate files again from time to time, as `reload_interval` and `client_ca_file_reload` ask for; undefined
 * where they do not. Files that cannot be read leave what is in use, and are reported.
 */
export function reloadTls(
  config: Reloadable | undefined,
  clock: Clock,
  reload: () => void,
  onError: (error: Error) => void,
): Timer | undefined {
  if (config === undefined) return undefined;
  const period = config.reload_interval || (config.client_ca_file_reload === true ? CLIENT_CA_PERIOD_MS : 0);
  if (period <= 0) return undefined;
  return clock.every(period, () => {
    try {
      reload();
    } catch (error) {
      onError(error as Error);
    }
  });
}
