import { clientAuthenticator } from '../auth.ts';
import type { Timer } from '../clock.ts';
import type { Host, Settings } from '../component.ts';
import { clientTls } from '../net/tls.ts';
import { reloadTls } from '../net/tls-reload.ts';
import { EMPTY_CONTEXT } from '../telemetry/context.ts';
import type { ClientOptions, Sasl } from './client.ts';
import type { KafkaClientConfig } from './config.ts';

/**
 * The options of a client for its configuration. Reads certificates, asks the host for extensions; fails with one
 * sentence.
 */
export function clientOptions(
  settings: Pick<Settings, 'logger' | 'clock'>,
  config: KafkaClientConfig,
  host: Pick<Host, 'extension'>,
  requestTimeoutMs: number,
): ClientOptions {
  const tls = config.tls ?? config.auth.tls;
  return {
    brokers: config.brokers,
    clientId: config.client_id,
    tls: tls && clientTls(tls),
    sasl: saslOf(config, host),
    requestTimeoutMs,
    metadataMaxAgeMs: config.metadata.refresh_interval,
    retries: config.metadata.retry.max,
    retryDelayMs: config.metadata.retry.backoff,
    logger: settings.logger,
    clock: settings.clock,
  };
}

/**
 * Reads the certificates again as the configuration asks for, into the options: clients look at them whenever they
 * connect.
 */
export function followCertificates(
  { logger, clock }: Pick<Settings, 'logger' | 'clock'>,
  config: KafkaClientConfig,
  options: ClientOptions,
): Timer | undefined {
  const tls = config.tls ?? config.auth.tls;
  const current = options.tls;
  if (tls === undefined || current === undefined) return undefined;
  return reloadTls(
    tls,
    clock,
    () => Object.assign(current, clientTls(tls)),
    (error) => logger.error('Certificates cannot be read again, those in use stay', { error }),
  );
}

const MECHANISMS: readonly string[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'];

/** Throws where the configuration asks for a login that the clients do not have: known without any cluster. */
export function checkLogin({ auth: { kerberos, sasl } }: KafkaClientConfig): void {
  if (kerberos !== undefined) throw new Error('auth::kerberos is not supported');
  if (sasl === undefined || MECHANISMS.includes(sasl.mechanism)) return;
  throw new Error(`auth::sasl::mechanism ${sasl.mechanism} is not supported`);
}

function saslOf(config: KafkaClientConfig, host: Pick<Host, 'extension'>): Sasl | undefined {
  checkLogin(config);
  const { auth } = config;
  const { sasl, plain_text: plain } = auth;
  if (sasl === undefined) {
    return plain && { mechanism: 'PLAIN', username: plain.username, password: plain.password?.reveal() ?? '' };
  }
  const { username, password, mechanism, oauthbearer_token_source: source } = sasl;
  if (mechanism === 'PLAIN' || mechanism === 'SCRAM-SHA-256' || mechanism === 'SCRAM-SHA-512') {
    return { mechanism, username, password: password?.reveal() ?? '' };
  }
  if (source === undefined) throw new Error('auth::sasl::oauthbearer_token_source is missing');
  const authenticator = clientAuthenticator(host, source);
  return {
    mechanism: 'OAUTHBEARER',
    token: async () => {
      const headers = new Map<string, string>();
      await authenticator.authorize(headers, EMPTY_CONTEXT);
      return (headers.get('authorization') ?? '').replace(/^bearer\s+/i, '');
    },
  };
}
