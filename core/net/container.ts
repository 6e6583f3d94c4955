import { existsSync } from 'node:fs';
import type { Logger } from '../logger.ts';

/** Docker and Podman leave a file, Kubernetes sets a variable. */
function inContainer(): boolean {
  const files = ['/.dockerenv', '/run/.containerenv'];
  return process.env.KUBERNETES_SERVICE_HOST !== undefined || files.some((file) => existsSync(file));
}

const LOOPBACK = /^(127\.|::1$)/;

/**
 * Says so where a server in a container listens on `address`, which nobody outside of it can reach: the usual reason
 * why nothing arrives. `key` is the key to set.
 */
export function hintIfUnreachable(logger: Logger, address: string, key: string, contained = inContainer()): void {
  if (!contained || !LOOPBACK.test(address)) return;
  logger.info('Listens inside this container only; to be reached from outside, set the endpoint to 0.0.0.0', { key });
}
