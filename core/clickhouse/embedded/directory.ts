import { isAbsolute, resolve } from 'node:path';

const SCHEME = 'chdb://';

/** Whether an endpoint names a directory for the embedded engine instead of a server. */
export function isEmbedded(endpoint: string): boolean {
  return endpoint.startsWith(SCHEME);
}

/**
 * The directory that `chdb://./data/store` (from the working directory) or `chdb:///var/lib/weir` (absolute) names.
 * What follows the scheme is a path as it is: nothing in it is escaped, and there are no parameters.
 *
 * @throws Error that says what is wrong with it
 */
export function embeddedDirectory(endpoint: string): string {
  const path = endpoint.slice(SCHEME.length);
  if (!isEmbedded(endpoint) || path === '') {
    throw new Error(`${JSON.stringify(endpoint)} names no directory: chdb://./relative or chdb:///absolute`);
  }
  if (path.includes('\0')) throw new Error('a directory cannot have a zero byte in its name');
  const directory = resolve(path);
  // the engine would fill the whole disk's root, or the folder of the program, with its files
  if (directory === resolve('/') || (!isAbsolute(path) && directory === resolve('.'))) {
    throw new Error(`${JSON.stringify(endpoint)}: the store needs a directory of its own`);
  }
  return directory;
}
