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

function saslOf({ auth }: KafkaClientConfig, host: Pick<Host, 'extension'>): Sasl | undefined {
  if (auth.kerberos !== undefined) throw new Error('auth::kerberos is not supported');
  const { sasl, plain_text: plain } = auth;
  if (sasl === undefined) {
    return plain && { mechanism: 'PLAIN', username: plain.username, password: plain.password?.reveal() ?? '' };
  }
  const { username, password, mechanism, oauthbearer_token_source: source } = sasl;
  if (mechanism === 'PLAIN' || mechanism === 'SCRAM-SHA-256' || mechanism === 'SCRAM-SHA-512') {
    return { mechanism, username, password: password?.reveal() ?? '' };
  }
  if (mechanism !== 'OAUTHBEARER' || source === undefined) {
    throw new Error(`auth::sasl::mechanism ${mechanism} is not supported`);
  }
  const authenticator = clientAuthenticator(host, source);
  return {
    mechanism,
    token: async () => {
      const headers = new Map<string, string>();
      await authenticator.authorize(headers, EMPTY_CONTEXT);
      return (headers.get('authorization') ?? '').replace(/^bearer\s+/i, '');
    },
  };
}
