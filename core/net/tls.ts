import { readFileSync } from 'node:fs';
import type { ConnectionOptions, SecureContextOptions, TlsOptions } from 'node:tls';
import { builtin } from '../builtin.ts';
import type { Secret } from '../config/secret.ts';
import type { TlsClientConfig, TlsCommonConfig, TlsServerConfig } from '../config/sections/tls.ts';

/** Options of a server for its `tls` section. Reads the files; fails with one sentence that names the file. */
export function serverTls(config: TlsServerConfig): TlsOptions {
  const options = secureContext(config);
  if (options.cert === undefined) {
    throw new Error('failed to load TLS config: for a server, provide both certificate and key, or neither');
  }
  if (config.client_ca_file === '') return options;
  const clients = read(config.client_ca_file, 'failed to load TLS config: failed to load client CA CertPool');
  return { ...options, ca: clients, requestCert: true, rejectUnauthorized: true };
}

/**
 * Options of a client for its `tls` section; undefined where the section asks for plain text, which it cannot where it
 * names an authority. A scheme in the endpoint is for the caller to obey.
 */
export function clientTls(config: TlsClientConfig): ConnectionOptions | undefined {
  const ownAuthority = config.ca_file !== '' || config.ca_pem !== undefined;
  if (config.insecure && !ownAuthority) return undefined;
  return {
    ...secureContext(config),
    rejectUnauthorized: !config.insecure_skip_verify,
    ...(config.server_name_override === '' ? {} : { servername: config.server_name_override }),
  };
}

function secureContext(config: TlsCommonConfig): SecureContextOptions {
  const failed = 'failed to load TLS config: failed to load';
  const ca = pem(config.ca_file, config.ca_pem, `${failed} CA CertPool`);
  const cert = pem(config.cert_file, config.cert_pem, `${failed} TLS cert`);
  const key = pem(config.key_file, config.key_pem, `${failed} TLS key`);
  return {
    ...(ca === undefined
      ? {}
      : { ca: config.include_system_ca_certs_pool ? [...builtin.tls.rootCertificates, ca] : ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    minVersion: version(config.min_version, 'TLSv1.2'),
    maxVersion: version(config.max_version, 'TLSv1.3'),
    ...(config.cipher_suites.length === 0 ? {} : { ciphers: ciphers(config.cipher_suites) }),
    ...(config.curve_preferences.length === 0 ? {} : { ecdhCurve: config.curve_preferences.map(curve).join(':') }),
  };
}

function pem(file: string, text: Secret | undefined, failure: string): string | undefined {
  return file === '' ? text?.reveal() : read(file, failure);
}

function read(file: string, failure: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${failure} ${file}: ${(error as Error).message}`, { cause: error });
  }
}

type Version = NonNullable<SecureContextOptions['minVersion']>;

function version(text: string, absent: Version): Version {
  if (text === '') return absent;
  return text === '1.0' ? 'TLSv1' : (`TLSv${text}` as Version);
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` → `ECDHE-RSA-AES128-GCM-SHA256`. TLS 1.3 has all of its own, as in Go. */
function ciphers(suites: readonly string[]): string {
  const names = suites.map((suite) =>
    suite
      .replace(/^TLS_/, '')
      .replace(/^RSA_WITH_/, '')
      .replace('_WITH_', '-')
      .replace(/AES_(\d+)_CBC/, 'AES$1')
      .replace(/AES_(\d+)/, 'AES$1')
      .replace('3DES_EDE_CBC', 'DES-CBC3')
      .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20_POLY1305')
      .replaceAll('_', '-'),
  );
  return [...TLS13_CIPHERS, ...names].join(':');
}

const TLS13_CIPHERS = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

function curve(name: string): string {
  return name.replace(/^P(\d+)$/, 'P-$1');
}
