import { readFileSync } from 'node:fs';
import type { ServerAuthenticator } from '../../core/auth.ts';
import type { Extension, Settings } from '../../core/component.ts';
import { fileFault } from '../../core/file-fault.ts';
import { PasswordChecker } from '../../core/password/checker.ts';
import { parseHtpasswd } from '../../core/password/htpasswd.ts';
import type { Config } from './config.ts';

type Htpasswd = NonNullable<Config['htpasswd']>;

/** RFC 4648 section 4, padded. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const SCHEME = 'basic ';

/** Lets in who has a password of the list. `auth.username` and `auth.raw` are for the context of the request. */
export class BasicAuthServer implements Extension, ServerAuthenticator {
  readonly #settings: Settings;
  readonly #config: Htpasswd;
  #checker: PasswordChecker | undefined;

  constructor(settings: Settings, config: Htpasswd) {
    if (config.file === '' && config.inline === undefined) throw new Error('no credential source provided');
    this.#settings = settings;
    this.#config = config;
  }

  start(): void {
    const { file, inline } = this.#config;
    // inline comes last, so that it wins
    const text = Buffer.concat([
      file === '' ? Buffer.alloc(0) : read(file),
      Buffer.from(`\n${inline?.reveal() ?? ''}`),
    ]);
    const { logger, clock } = this.#settings;
    // neither name nor password may be in a log, so the number has to do
    const passwords = parseHtpasswd(text, (line, reason) =>
      logger.warn('An htpasswd line is passed over', { line, reason }),
    );
    this.#checker = new PasswordChecker(passwords, clock);
  }

  shutdown(): void {
    this.#checker?.close();
  }

  authenticate(
    headers: ReadonlyMap<string, readonly string[]>,
  ): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>> {
    const header = headers.get('authorization')?.[0] ?? '';
    if (header === '') throw new Error('no basic auth provided');
    if (header.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
      throw new Error('invalid authorization scheme prefix');
    }
    const raw = header.slice(SCHEME.length);
    const pair = Buffer.from(raw, 'base64');
    const colon = pair.indexOf(':');
    if (!BASE64.test(raw) || colon < 0) throw new Error('invalid authorization format');
    const user = pair.subarray(0, colon);
    const accepted = this.#checker?.check(user.toString('latin1'), pair.subarray(colon + 1)) ?? false;
    const attributes = new Map([
      ['username', user.toString()],
      ['raw', raw],
    ]);
    if (accepted instanceof Promise) return accepted.then((matches) => admitted(matches, attributes));
    return admitted(accepted, attributes);
  }
}

function admitted(matches: boolean, attributes: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (!matches) throw new Error('invalid credentials');
  return attributes;
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`open htpasswd file: ${fileFault(file, error)}`, { cause: error });
  }
}
