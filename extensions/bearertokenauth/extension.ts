import type { ClientAuthenticator, ServerAuthenticator } from '../../core/auth.ts';
import type { Extension, Settings } from '../../core/component.ts';
import { Comparable } from '../../core/constant-time.ts';
import { CredentialFile } from '../../core/credential-file.ts';
import type { Config } from './config.ts';

/** The authenticator does not say who a request is from. */
const NOTHING_KNOWN: ReadonlyMap<string, string> = new Map();

/** Sends a token, or lets in who has one. */
export class BearerTokenAuth implements Extension, ServerAuthenticator, ClientAuthenticator {
  readonly requiresTls = true;
  readonly #header: string;
  readonly #configuredHeader: string;
  readonly #scheme: string;
  readonly #file: CredentialFile | undefined;
  #values: readonly string[] = [];
  #expected: readonly Comparable[] = [];

  constructor(settings: Settings, config: Config) {
    this.#configuredHeader = config.header;
    this.#header = config.header.toLowerCase();
    this.#scheme = config.scheme;
    if (config.tokens.length > 0) {
      this.#setTokens(config.tokens.map((token) => token?.reveal() ?? ''));
      return;
    }
    const { filename, token } = config;
    if (filename === '') {
      this.#setTokens(tokensOf(token?.reveal() ?? ''));
      return;
    }
    const { logger } = settings;
    if (token !== undefined) logger.warn('a filename is specified. Configured token(s) is ignored!');
    this.#file = new CredentialFile(filename, settings, (text) => {
      logger.info('refresh token', { filename });
      this.#setTokens(tokensOf(text));
    });
  }

  start(): void {
    this.#file?.start();
  }

  shutdown(): void {
    this.#file?.stop();
  }

  authorize(headers: Map<string, string>): void {
    headers.set(this.#header, this.#values[0] ?? '');
  }

  authenticate(headers: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, string> {
    const [value] = headers.get(this.#header) ?? [];
    if (value === undefined) throw new Error(`missing or empty authorization header: ${this.#configuredHeader}`);
    const given = new Comparable(value);
    if (!this.#expected.some((expected) => expected.equals(given))) {
      throw new Error('provided authorization does not match expected scheme or token');
    }
    return NOTHING_KNOWN;
  }

  #setTokens(tokens: readonly string[]): void {
    this.#values = tokens.map((token) => (this.#scheme === '' ? token : `${this.#scheme} ${token}`));
    this.#expected = this.#values.map((value) => new Comparable(value));
  }
}

/** The first word of each line. */
function tokensOf(text: string): string[] {
  return text.split('\n').flatMap((line) => line.match(/\S+/)?.[0] ?? []);
}
