import { curveFault, suiteFault } from '../../net/tls-names.ts';
import {
  bool,
  duration,
  type Infer,
  type InferFields,
  optional,
  type Report,
  secret,
  string,
  stringList,
  struct,
} from '../fields.ts';

const tpm = struct('configtls.TPMConfig', 'Key in a trusted platform module: refused.', {
  enabled: bool('Whether the key file is a TPM key.'),
  path: string('Device or socket of the module.'),
  owner_auth: secret('Password of the owner hierarchy.'),
  auth: secret('Password of the key.'),
});

const commonFields = {
  ca_file: string('File with the certificates that are trusted; the system ones where it is empty.'),
  ca_pem: secret('The same as PEM text.'),
  include_system_ca_certs_pool: bool('Whether the system certificates are trusted beside the given ones.'),
  cert_file: string('File with the certificate.'),
  cert_pem: secret('The same as PEM text.'),
  key_file: string('File with the private key.'),
  key_pem: secret('The same as PEM text.'),
  min_version: string('Lowest version: 1.0, 1.1, 1.2 or 1.3. Empty means 1.2.'),
  max_version: string('Highest version. Empty means the highest there is.'),
  cipher_suites: stringList('Suites for versions up to 1.2. Empty means the secure ones.'),
  include_insecure_cipher_suites: bool('Whether cipher_suites may name insecure ones.'),
  curve_preferences: stringList('Groups for the key exchange: X25519, P521, P256, P384, X25519MLKEM768.'),
  reload_interval: duration('Certificate files are read again after this time; 0 means never.'),
  tpm,
};

/** What client and server sides share. */
const tlsCommon = struct('configtls.Config', 'Certificates and versions.', commonFields, {
  validate: validateTls,
});
export type TlsCommonConfig = InferFields<typeof commonFields>;

const VERSIONS: readonly string[] = ['1.0', '1.1', '1.2', '1.3'];

function validateTls(value: TlsCommonConfig, path: string, report: Report): void {
  if (value.ca_file !== '' && value.ca_pem !== undefined) {
    report(path, 'provide either a CA file or the PEM-encoded string, but not both');
  }
  if (value.cert_file !== '' && value.cert_pem !== undefined) {
    report(path, 'provide either certificate file or PEM, but not both');
  }
  if (value.key_file !== '' && value.key_pem !== undefined) {
    report(path, 'provide either key file or PEM, but not both');
  }
  const cert = value.cert_file !== '' || value.cert_pem !== undefined;
  const key = value.key_file !== '' || value.key_pem !== undefined;
  if (cert !== key)
    report(path, 'TLS configuration must include both certificate and key (CertFile/CertPem and KeyFile/KeyPem)');
  for (const name of value.cipher_suites) {
    const fault = suiteFault(name, value.include_insecure_cipher_suites);
    if (fault !== undefined) report(path, fault);
  }
  for (const name of value.curve_preferences) {
    const fault = curveFault(name);
    if (fault !== undefined) report(path, fault);
  }
  if (value.tpm.enabled) report(path, 'tpm::enabled is not supported: keys have to be in files or PEM text');
  for (const name of ['min_version', 'max_version'] as const) {
    const version = value[name];
    if (version !== '' && !VERSIONS.includes(version)) {
      report(path, `invalid TLS ${name}: unsupported TLS version: ${JSON.stringify(version)}`);
    }
  }
  const least = VERSIONS.indexOf(value.min_version || '1.2');
  const most = VERSIONS.indexOf(value.max_version || '1.3');
  if (least >= 0 && most >= 0 && most < least) {
    report(path, 'invalid TLS configuration: min_version cannot be greater than max_version');
  }
}

/** `tls` of a client. The section is always there: TLS is on unless `insecure` is set or the endpoint is http://. */
export const tlsClient = struct(
  'configtls.ClientConfig',
  'TLS of the connection.',
  {
    insecure: bool('Plain text, without TLS; ignored where a CA is given.'),
    insecure_skip_verify: bool('Whether any certificate of the peer is taken.'),
    server_name_override: string('Name the certificate must have, instead of the host in the endpoint.'),
  },
  { embed: [tlsCommon] },
);
export type TlsClientConfig = Infer<typeof tlsClient>;

export const tlsServerSection = struct(
  'configtls.ServerConfig',
  'TLS of the server; plain text without this section.',
  {
    client_ca_file: string('File with the certificates of clients. Where it is set, clients must show one.'),
    client_ca_file_reload: bool('Whether that file is read again when it changes.'),
  },
  {
    embed: [tlsCommon],
    validate(value, path, report) {
      const cert = value.cert_file !== '' || value.cert_pem !== undefined;
      const key = value.key_file !== '' || value.key_pem !== undefined;
      // With only one of them the common check has spoken.
      if (!cert && !key) {
        report(path, 'TLS configuration must include both certificate and key for server connections');
      }
    },
  },
);
export type TlsServerConfig = Infer<typeof tlsServerSection>;
/** `tls` of a server: undefined means plain text. */
export const tlsServer = optional(tlsServerSection, { present: false, whenNull: 'off' });
