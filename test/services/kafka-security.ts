import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/ports.ts';
import type { KafkaListeners } from './kafka.ts';

export const USER = 'alice';
export const PASSWORD = 'alice-secret';

/** Certificates in a folder, of an authority that is there too; `NAME.crt`, `NAME.key` and `ca.crt`. */
export class Authority {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    const subject = ['-subj', '/CN=weir test authority', '-days', '2'];
    this.#openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', ...subject);
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  issue(name: string): void {
    const request = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`];
    this.#openssl('req', ...request, '-subj', `/CN=${name}`);
    writeFileSync(this.path(`${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...by);
    // what Kafka calls a key store of the type PEM
    const both = ['key', 'crt'].map((kind) => readFileSync(this.path(`${name}.${kind}`), 'utf8')).join('');
    writeFileSync(this.path(`${name}.pem`), both);
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

export interface SecureListeners extends KafkaListeners {
  /** For clients with a password or a token, over TLS. */
  readonly sasl: string;
  /** For clients with a certificate. */
  readonly mutual: string;
}

/** Listeners of a broker with the certificate `broker` of the authority. */
export async function secureListeners(authority: Authority): Promise<SecureListeners> {
  const [sasl, mutual] = [await freePort(), await freePort()];
  const security = 'org.apache.kafka.common.security';
  const login = (mechanism: string, module: string) =>
    `listener.name.sasl_ssl.${mechanism}.sasl.jaas.config=${security}.${module}`;
  const unsecured = `${security}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`;
  return {
    sasl: `127.0.0.1:${sasl}`,
    mutual: `127.0.0.1:${mutual}`,
    listeners: [
      { name: 'SASL_SSL', protocol: 'SASL_SSL', port: sasl },
      { name: 'SSL', protocol: 'SSL', port: mutual },
    ],
    properties: [
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${authority.path('broker.pem')}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${authority.path('ca.crt')}`,
      'listener.name.ssl.ssl.client.auth=required',
      'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      login('plain', `plain.PlainLoginModule required user_${USER}="${PASSWORD}";`),
      login('scram-sha-256', 'scram.ScramLoginModule required;'),
      login('scram-sha-512', 'scram.ScramLoginModule required;'),
      login('oauthbearer', 'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'),
      `listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=${unsecured}`,
    ],
    format: ['256', '512'].flatMap((bits) => ['--add-scram', `SCRAM-SHA-${bits}=[name=${USER},password=${PASSWORD}]`]),
  };
}

/** A token without a signature, which a broker for tests takes: it names its user and ends in an hour. */
export function unsecuredToken(user: string, nowMs: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const seconds = Math.floor(nowMs / 1000);
  return `${part({ alg: 'none' })}.${part({ sub: user, iat: seconds, exp: seconds + 3600 })}.`;
}
