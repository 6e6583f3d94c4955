import { readFile } from 'node:fs/promises';
import type { Secret } from '../../config/secret.ts';
import { fileFault } from '../../file-fault.ts';

/** Gives a secret as it is now; fails with one sentence that does not have it. */
export type SecretSource = () => Promise<string>;

/**
 * A secret from the configuration, or from a file that is read each time, without white space around it: tokens of
 * Kubernetes are replaced every hour. `what` is what the sentence of a failure calls it.
 */
export function secretSource(inline: Secret | string | undefined, file: string, what: string): SecretSource {
  if (file === '') {
    const value = typeof inline === 'string' ? inline : (inline?.reveal() ?? '');
    return () => Promise.resolve(value);
  }
  return async () => {
    try {
      return (await readFile(file, 'utf8')).trim();
    } catch (error) {
      throw new Error(`unable to read ${what}: unable to read file ${file}: ${fileFault(file, error)}`);
    }
  };
}
