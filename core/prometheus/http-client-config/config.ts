import { any, bool, type Infer, list, mapOf, optional, struct } from '../../config/fields.ts';
import { secretText, text } from '../fields.ts';
import { checkBasicAuth, checkHeaders, checkHttpClient, checkOAuth2, checkProxy, checkTls } from './validate.ts';

const OFF = { present: false, whenNull: 'off', enabledKey: false } as const;
const TLS_VERSIONS: readonly string[] = ['TLS10', 'TLS11', 'TLS12', 'TLS13'];

const tlsVersion = (doc: string) =>
  text(doc, '', (value) =>
    value === '' || TLS_VERSIONS.includes(value) ? undefined : `unknown TLS version: ${value}`,
  );

/** `tls_config` as Prometheus has it. */
const prometheusTls = struct(
  'config.TLSConfig',
  'TLS of the connection.',
  {
    ca: text('Certificates that are trusted, as PEM text; the system ones where there are none.'),
    ca_file: text('File with the certificates that are trusted.'),
    cert: text('Certificate to show, as PEM text.'),
    cert_file: text('File with the certificate to show.'),
    key: secretText('Private key of the certificate, as PEM text.'),
    key_file: text('File with the private key.'),
    server_name: text('Name the certificate of the peer must have, instead of the host of the target.'),
    insecure_skip_verify: bool('Whether any certificate of the peer is taken.'),
    min_version: tlsVersion('Lowest version: TLS10, TLS11, TLS12 or TLS13. Empty means TLS12.'),
    max_version: tlsVersion('Highest version. Empty means the highest there is.'),
  },
  { validate: (value, path, report) => checkTls(value, path, report) },
);
export type PrometheusTlsConfig = Infer<typeof prometheusTls>;

const proxy = struct(
  'config.ProxyConfig',
  'The proxy.',
  {
    proxy_url: text('URL of a proxy.', '', urlFault),
    no_proxy: text('Hosts, domains, addresses and networks that are reached without the proxy, with commas between.'),
    proxy_from_environment: bool('Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment decide.'),
    proxy_connect_header: mapOf(
      'Headers for the proxy: refused.',
      list('Values of the header.', secretText('A value.')),
    ),
  },
  { validate: (value, path, report) => checkProxy(value, path, report) },
);
export type ProxyConfig = Infer<typeof proxy>;

const basicAuth = struct(
  'config.BasicAuth',
  'User and password for every request.',
  {
    username: text('Name of the user.'),
    username_file: text('File with the name, read for every request.'),
    password: secretText('The password.'),
    password_file: text('File with the password, read for every request.'),
  },
  { validate: (value, path, report) => checkBasicAuth(value, path, report) },
);
export type BasicAuthConfig = Infer<typeof basicAuth>;

const authorization = struct('config.Authorization', 'The Authorization header of every request.', {
  type: text('First word of the header. Empty means Bearer.'),
  credentials: secretText('What follows it.'),
  credentials_file: text('File with what follows it, read for every request.'),
});

const oauth2 = struct(
  'config.OAuth2',
  'A token from an OAuth 2 server for every request.',
  {
    client_id: text('Id of the client.'),
    client_secret: secretText('Secret of the client.'),
    client_secret_file: text('File with the secret.'),
    grant_type: text('How the token is got: client_credentials, which is the default.'),
    scopes: list('Scopes the token is for.', text('A scope.')),
    token_url: text('URL that gives tokens.', '', urlFault),
    endpoint_params: mapOf('Further parameters for that URL.', text('A value.')),
    tls_config: prometheusTls,
    client_certificate_key_id: text('Of the JWT grant: no effect.'),
    client_certificate_key: secretText('Of the JWT grant: no effect.'),
    client_certificate_key_file: text('Of the JWT grant: no effect.'),
    signature_algorithm: text('Of the JWT grant: no effect.'),
    iss: text('Of the JWT grant: no effect.'),
    audience: text('Of the JWT grant: no effect.'),
    claims: any('Of the JWT grant: no effect.'),
  },
  { embed: [proxy], validate: (value, path, report) => checkOAuth2(value, path, report) },
);
export type OAuth2Config = Infer<typeof oauth2>;

const header = struct('config.Header', 'A header.', {
  values: list('Values of the header.', text('A value.')),
  secrets: list('Values that are not shown.', secretText('A value.')),
  files: list('Files with values, read for every request.', text('Path of a file.')),
});

/** How Prometheus reaches targets, discovery services and API servers: the keys it has in all of these sections. */
export const httpClientConfig = struct(
  'config.HTTPClientConfig',
  'The HTTP client.',
  {
    basic_auth: optional(basicAuth, OFF),
    authorization: optional(authorization, OFF),
    oauth2: optional(oauth2, OFF),
    bearer_token: secretText('The old form of authorization.credentials.'),
    bearer_token_file: text('The old form of authorization.credentials_file.'),
    tls_config: prometheusTls,
    follow_redirects: bool('Whether redirects are followed.', true),
    enable_http2: bool('Accepted; requests are HTTP/1.1, which every server speaks.', true),
    http_headers: mapOf('Further headers of every request.', header),
  },
  {
    embed: [proxy],
    validate(value, path, report) {
      checkHttpClient(value, path, report);
      checkHeaders(Object.keys(value.http_headers), path, report);
    },
  },
);
export type HttpClientConfig = Infer<typeof httpClientConfig>;

function urlFault(value: string): string | undefined {
  return value === '' || URL.canParse(value) ? undefined : `parse ${JSON.stringify(value)}: invalid URL`;
}
