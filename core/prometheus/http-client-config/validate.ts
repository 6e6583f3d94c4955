import { statSync } from 'node:fs';
import { joinPath } from '../../config/collections.ts';
import type { Report } from '../../config/fields.ts';
import type { BasicAuthConfig, HttpClientConfig, OAuth2Config, PrometheusTlsConfig, ProxyConfig } from './config.ts';

/** How many of these were set: a text that is not empty, a section or secret that is there. */
const count = (...values: readonly unknown[]): number => values.filter((v) => v !== undefined && v !== '').length;

export function checkTls(value: PrometheusTlsConfig, path: string, report: Report): void {
  if (count(value.ca, value.ca_file) > 1) report(path, 'at most one of ca, ca_file & ca_ref must be configured');
  if (count(value.cert, value.cert_file) > 1) {
    report(path, 'at most one of cert, cert_file & cert_ref must be configured');
  }
  if (count(value.key, value.key_file) > 1) report(path, 'at most one of key and key_file must be configured');
  const cert = count(value.cert, value.cert_file) > 0;
  const key = count(value.key, value.key_file) > 0;
  if (cert && !key) {
    report(path, 'exactly one of key or key_file must be configured when a client certificate is configured');
  }
  if (key && !cert) report(path, 'exactly one of cert or cert_file must be configured when a client key is configured');
  checkFile(value.cert_file, 'client cert', path, report);
  checkFile(value.key_file, 'client key', path, report);
}

/** Files that a client cannot do without are looked for when the configuration is read. */
function checkFile(file: string, what: string, path: string, report: Report): void {
  if (file === '' || statSync(file, { throwIfNoEntry: false }) !== undefined) return;
  report(path, `error checking ${what} file ${JSON.stringify(file)}: stat ${file}: no such file or directory`);
}

export function checkProxy(value: ProxyConfig, path: string, report: Report): void {
  if (Object.keys(value.proxy_connect_header).length > 0) {
    report(path, 'proxy_connect_header is not supported: user and password of the proxy go into proxy_url');
  }
  const { proxy_url: url, no_proxy: none, proxy_from_environment: environment } = value;
  if (environment && url !== '') {
    report(path, 'if proxy_from_environment is configured, proxy_url must not be configured');
  }
  if (environment && none !== '') {
    report(path, 'if proxy_from_environment is configured, no_proxy must not be configured');
  }
  if (!environment && url === '' && none !== '') {
    report(path, 'if no_proxy is configured, proxy_url must also be configured');
  }
}

export function checkBasicAuth(value: BasicAuthConfig, path: string, report: Report): void {
  if (count(value.username, value.username_file) > 1) {
    report(path, 'at most one of basic_auth username, username_file & username_ref must be configured');
  }
  if (count(value.password, value.password_file) > 1) {
    report(path, 'at most one of basic_auth password, password_file & password_ref must be configured');
  }
}

export function checkOAuth2(value: OAuth2Config, path: string, report: Report): void {
  if (value.client_id === '') report(path, 'oauth2 client_id must be configured');
  if (value.token_url === '') report(path, 'oauth2 token_url must be configured');
  if (count(value.client_secret, value.client_secret_file) > 1) {
    const keys = 'client_secret, client_secret_file & client_secret_ref';
    report(path, `at most one of oauth2 ${keys} must be configured using grant-type=client_credentials`);
  }
  if (value.grant_type !== '' && value.grant_type !== 'client_credentials') {
    report(path, `grant_type ${JSON.stringify(value.grant_type)} is not supported: only client_credentials is`);
  }
}

export function checkHttpClient(value: HttpClientConfig, path: string, report: Report): void {
  const { basic_auth: basic, oauth2, authorization, bearer_token: token, bearer_token_file: file } = value;
  const bearer = count(token, file) > 0;
  if (count(token, file) > 1) report(path, 'at most one of bearer_token & bearer_token_file must be configured');
  if (bearer && count(basic, oauth2) > 0) {
    report(path, 'at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured');
  }
  if (basic !== undefined && oauth2 !== undefined) {
    report(path, 'at most one of basic_auth, oauth2 & authorization must be configured');
  }
  checkFile(file, 'authorization credentials', path, report);
  if (authorization === undefined) return;
  if (bearer) report(path, 'authorization is not compatible with bearer_token & bearer_token_file');
  if (count(authorization.credentials, authorization.credentials_file) > 1) {
    report(path, 'at most one of authorization credentials & credentials_file must be configured');
  }
  if (authorization.type.trim().toLowerCase() === 'basic') {
    report(joinPath(path, 'authorization'), 'authorization type cannot be set to "basic", use "basic_auth" instead');
  }
  if (count(basic, oauth2) > 0) {
    report(path, 'at most one of basic_auth, oauth2 & authorization must be configured');
  }
  checkFile(authorization.credentials_file, 'authorization credentials', path, report);
}

/** Headers that have keys of their own, or that the client sets. */
const RESERVED: ReadonlySet<string> = new Set([
  'Authorization',
  'Host',
  'Content-Encoding',
  'Content-Length',
  'Content-Type',
  'User-Agent',
  'Connection',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Www-Authenticate',
  'Accept-Encoding',
  'X-Prometheus-Remote-Write-Version',
  'X-Prometheus-Remote-Read-Version',
  'X-Prometheus-Scrape-Timeout-Seconds',
  'X-Amz-Date',
  'X-Amz-Security-Token',
  'X-Amz-Content-Sha256',
]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function checkHeaders(names: readonly string[], path: string, report: Report): void {
  for (const name of names) {
    const canonical = name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
    const at = joinPath(path, 'http_headers');
    if (RESERVED.has(canonical)) report(at, `setting header ${JSON.stringify(canonical)} is not allowed`);
    else if (!TOKEN.test(name)) report(at, `${JSON.stringify(name)} is no name of a header`);
  }
}
