import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../clock.ts';
import type { OAuth2Config } from './config.ts';
import { secretSource } from './secret-source.ts';
import { Transport } from './transport.ts';

/** A token is replaced so long before it expires, as it takes time to arrive. */
const EXPIRY_MARGIN_MS = 10_000;
/** Of an answer this much is read: tokens with many claims have some KiB. */
const MAX_ANSWER = 1024 * 1024;
/** A server that does not answer must not hold up scrapes for ever. */
const TIMEOUT_MS = 30_000;

interface Token {
  /** Of the Authorization header. */
  readonly header: string;
  /** On the monotonic clock. */
  readonly validUntil: number;
  readonly secret: string;
}

/** Tokens of the OAuth 2 client credentials grant (RFC 6749 section 4.4), each kept until shortly before its end. */
export class TokenSource {
  readonly #config: OAuth2Config;
  readonly #clock: Clock;
  readonly #transport: Transport;
  readonly #userAgent: string;
  readonly #secret: () => Promise<string>;
  #token: Token | undefined;
  #pending: Promise<Token> | undefined;
  /** Where the server wants id and secret is found out with the first token. */
  #inBody = false;

  constructor(config: OAuth2Config, clock: Clock, userAgent: string) {
    this.#config = config;
    this.#clock = clock;
    this.#userAgent = userAgent;
    this.#transport = new Transport(config.tls_config, config, clock);
    this.#secret = secretSource(config.client_secret, config.client_secret_file, 'oauth2 client secret');
  }

  /** The Authorization header. Requests that ask at the same time share one question to the server. */
  async header(): Promise<string> {
    const secret = await this.#secret();
    const token = this.#token;
    if (token !== undefined && token.secret === secret && this.#clock.monotonic() < token.validUntil) {
      return token.header;
    }
    this.#pending ??= this.#fetch(secret).finally(() => {
      this.#pending = undefined;
    });
    this.#token = await this.#pending;
    return this.#token.header;
  }

  close(): void {
    this.#transport.close();
  }

  async #fetch(secret: string): Promise<Token> {
    const first = await this.#ask(secret);
    if (first.status < 400 || first.status >= 500 || this.#inBody) return this.#read(first, secret);
    this.#inBody = true;
    const second = await this.#ask(secret);
    if (second.status >= 400) this.#inBody = false;
    return this.#read(second, secret);
  }

  async #ask(secret: string): Promise<{ readonly status: number; readonly body: string }> {
    const { client_id: id, scopes, endpoint_params: more, token_url: url } = this.#config;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    for (const [name, value] of Object.entries(more)) form.set(name, value);
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': this.#userAgent,
    };
    if (this.#inBody) {
      form.set('client_id', id);
      if (secret !== '') form.set('client_secret', secret);
    } else {
      const credentials = `${formEncoded(id)}:${formEncoded(secret)}`;
      headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    }
    return this.#exchange(new URL(url), headers, form.toString());
  }

  async #exchange(url: URL, headers: Record<string, string>, body: string) {
    let giveUp: (() => void) | undefined;
    const timer = this.#clock.after(TIMEOUT_MS, () => giveUp?.());
    try {
      const response = await this.#transport.send({
        method: 'POST',
        url,
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        body,
        onRequest: (request) => {
          giveUp = () => request.destroy(new Error('no answer in time'));
        },
      });
      return { status: response.statusCode ?? 0, body: await bodyOf(response) };
    } catch (error) {
      throw new Error(`oauth2: cannot fetch token: ${(error as Error).message}`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  #read({ status, body }: { readonly status: number; readonly body: string }, secret: string): Token {
    if (status < 200 || status > 299) throw new Error(`oauth2: cannot fetch token: HTTP status ${status}`);
    let answer: { access_token?: unknown; token_type?: unknown; expires_in?: unknown } | null;
    try {
      answer = JSON.parse(body);
    } catch {
      throw new Error('oauth2: cannot parse json: the answer is no JSON');
    }
    const { access_token: token, token_type: type, expires_in: seconds } = answer ?? {};
    if (typeof token !== 'string' || token === '') throw new Error('oauth2: server response missing access_token');
    const lifetime = Number(seconds ?? 0);
    return {
      header: `${headerType(typeof type === 'string' ? type : '')} ${token}`,
      validUntil:
        lifetime > 0 ? this.#clock.monotonic() + lifetime * 1000 - EXPIRY_MARGIN_MS : Number.POSITIVE_INFINITY,
      secret,
    };
  }
}

/** As servers expect it, whatever way they write it themselves. */
function headerType(type: string): string {
  const lower = type.toLowerCase();
  if (lower === '' || lower === 'bearer') return 'Bearer';
  if (lower === 'mac') return 'MAC';
  return lower === 'basic' ? 'Basic' : type;
}

/** RFC 6749 section 2.3.1 has id and secret encoded as in a form. */
const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
