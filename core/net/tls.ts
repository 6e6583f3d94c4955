import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions, SecureContextOptions, TlsOptions } from 'node:tls';
import { builtin } from '../builtin.ts';
import type { TlsClientConfig, TlsCommonConfig, TlsServerConfig } from '../config/sections/tls.ts';
import { fileFault } from '../file-fault.ts';
import { ciphersOf, curvesOf } from './tls-names.ts';

const FAILED = 'failed to load TLS config';

/** Options of a server for its `tls` section. Reads the files; fails with one sentence that names the file. */
export function serverTls(config: TlsServerConfig): TlsOptions {
  const options = secureContext(config);
  if (options.cert === undefined) {
    throw new Error(`${FAILED}: for a server, provide both certificate and key, or neither`);
  }
  if (config.client_ca_file === '') return options;
  const failed = 'failed to load client CA CertPool';
  const pem = read(config.client_ca_file, `${failed}: failed to load CA ${config.client_ca_file}`);
  const clients = authorities(config, pem, `${failed}: failed to parse CA ${config.client_ca_file}`);
  return { ...options, ca: clients, requestCert: true, rejectUnauthorized: true };
}

/**
 * Options of a client for its `tls` section; undefined where the section asks for plain text, which it cannot where it
 * names an authority. A scheme in the endpoint is for the caller to obey. Who may not need TLS in the end asks for the
 * system's authorities `later`, with `trustSystem`.
 */
export function clientTls(config: TlsClientConfig, trust: 'now' | 'later' = 'now'): ConnectionOptions | undefined {
  const ownAuthority = config.ca_file !== '' || config.ca_pem !== undefined;
  if (config.insecure && !ownAuthority) return undefined;
  if (!ownAuthority && trust === 'now') trustSystem();
  return {
    ...secureContext(config),
    rejectUnauthorized: !config.insecure_skip_verify,
    ...(config.server_name_override === '' ? {} : { servername: config.server_name_override }),
  };
}

function secureContext(config: TlsCommonConfig): SecureContextOptions {
  const ca = ownAuthorities(config);
  const options = {
    ...certificate(config),
    minVersion: version(config.min_version, 'TLSv1.2'),
    maxVersion: version(config.max_version, 'TLSv1.3'),
    ciphers: ciphers(config),
    ...(config.curve_preferences.length === 0 ? {} : { ecdhCurve: curvesOf(config.curve_preferences) }),
  };
  return ca === undefined ? options : { ...options, ca };
}

function certificate(config: TlsCommonConfig): SecureContextOptions {
  const failed = `${FAILED}: failed to load TLS cert and key`;
  const cert = config.cert_file === '' ? config.cert_pem?.reveal() : read(config.cert_file, failed);
  const key = config.key_file === '' ? config.key_pem?.reveal() : read(config.key_file, failed);
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(`${failed}: for auth via TLS, provide both certificate and key, or neither`);
  }
  if (cert === undefined || key === undefined) return {};
  checkPair(cert, key, `${failed} PEMs`);
  return { cert, key };
}

/** What does not fit is a fault now, not with the first connection. */
function checkPair(cert: string, key: string, failed: string): void {
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new Error(`${failed}: ${(error as Error).message}`, { cause: error });
  }
  if (!fits) throw new Error(`${failed}: private key does not match public key`);
}

function ownAuthorities(config: TlsCommonConfig): string[] | undefined {
  const { ca_file: file, ca_pem: pem } = config;
  if (file !== '') {
    const failed = `${FAILED}: failed to load CA CertPool File`;
    return authorities(config, read(file, `${failed}: failed to load cert ${file}`), `${failed}: failed to parse cert`);
  }
  if (pem === undefined) return undefined;
  return authorities(config, pem.reveal(), `${FAILED}: failed to load CA CertPool PEM: failed to parse cert`);
}

/** The certificates of a text. Node passes over what is none, so that a wrong file would trust nobody, silently. */
function authorities(config: TlsCommonConfig, pem: string, failure: string): string[] {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const readable = certificates.filter((one) => {
    try {
      return new X509Certificate(one) !== undefined;
    } catch {
      return false;
    }
  });
  if (readable.length === 0) throw new Error(failure);
  return config.include_system_ca_certs_pool ? [...systemAuthorities(), ...readable] : readable;
}

/** Of the operating system; those that Node brings along where it has none, as in small containers. */
function systemAuthorities(): string[] {
  const system = builtin.tls.getCACertificates('system');
  return system.length > 0 ? system : builtin.tls.getCACertificates('bundled');
}

let systemTrusted = false;

/**
 * Clients without an authority of their own trust what the operating system trusts, as programs do that do not bring
 * their own list; Node would take its own. What NODE_EXTRA_CA_CERTS adds stays. Once for the process, as it takes a
 * tenth of a second and some MiB.
 */
export function trustSystem(): void {
  if (systemTrusted) return;
  systemTrusted = true;
  const all = new Set([...systemAuthorities(), ...builtin.tls.getCACertificates('extra')]);
  builtin.tls.setDefaultCACertificates([...all]);
}

function read(file: string, failure: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${failure}: ${fileFault(file, error)}`, { cause: error });
  }
}

type Version = NonNullable<SecureContextOptions['minVersion']>;

function version(text: string, absent: Version): Version {
  if (text === '') return absent;
  return text === '1.0' ? 'TLSv1' : (`TLSv${text}` as Version);
}

/** OpenSSL has versions before 1.2 on its lowest level only, as their signatures are SHA-1. */
const LOWEST_LEVEL = '@SECLEVEL=0';

function ciphers({ cipher_suites: suites, min_version: min }: TlsCommonConfig): string {
  const list = ciphersOf(suites);
  return min === '1.0' || min === '1.1' ? `${list}:${LOWEST_LEVEL}` : list;
}
