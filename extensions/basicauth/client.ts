import type { ClientAuthenticator } from '../../core/auth.ts';
import type { Extension, Settings } from '../../core/component.ts';
import { CredentialFile } from '../../core/credential-file.ts';
import type { Config } from './config.ts';

/** Puts user name and password into requests. */
export class BasicAuthClient implements Extension, ClientAuthenticator {
  readonly requiresTls = true;
  readonly #username: () => string;
  readonly #password: () => string;
  readonly #files: CredentialFile[] = [];

  constructor(settings: Settings, config: NonNullable<Config['client_auth']>) {
    const source = (file: string, text: string): (() => string) => {
      if (file === '') return () => text;
      const followed = new CredentialFile(file, settings);
      this.#files.push(followed);
      return () => followed.value;
    };
    this.#username = source(config.username_file, config.username);
    this.#password = source(config.password_file, config.password?.reveal() ?? '');
  }

  start(): void {
    for (const file of this.#files) file.start();
    // it ends at the first colon, RFC 7617 section 2
    if (this.#username().includes(':')) throw new Error('invalid authorization format');
  }

  shutdown(): void {
    for (const file of this.#files) file.stop();
  }

  authorize(headers: Map<string, string>): void {
    const pair = Buffer.from(`${this.#username()}:${this.#password()}`);
    headers.set('authorization', `Basic ${pair.toString('base64')}`);
  }
}
