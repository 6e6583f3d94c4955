import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { readYaml } from '../../testing/discovery.ts';
import { httpClientConfig } from './config.ts';
import { bypassesProxy } from './no-proxy.ts';

const REFUSED: readonly (readonly [yaml: string, message: RegExp])[] = [
  ['{bearer_token: a, bearer_token_file: b}', /at most one of bearer_token & bearer_token_file must be configured/],
  ['{bearer_token: a, basic_auth: {}}', /at most one of basic_auth, oauth2, bearer_token & bearer_token_file must/],
  ['{basic_auth: {username: a, username_file: b}}', /at most one of basic_auth username, username_file/],
  ['{basic_auth: {password: a, password_file: b}}', /at most one of basic_auth password, password_file/],
  ['{authorization: {type: Basic}}', /authorization type cannot be set to "basic", use "basic_auth" instead/],
  ['{authorization: {credentials: a, credentials_file: /dev/null}}', /at most one of authorization credentials &/],
  ['{authorization: {}, basic_auth: {}}', /at most one of basic_auth, oauth2 & authorization must be configured/],
  ['{authorization: {}, bearer_token: a}', /authorization is not compatible with bearer_token & bearer_token_file/],
  ['{authorization: {credentials_file: /nowhere}}', /error checking authorization credentials file "\/nowhere": stat/],
  ['{oauth2: {token_url: "http://a"}}', /oauth2 client_id must be configured/],
  ['{oauth2: {client_id: a}}', /oauth2 token_url must be configured/],
  ['{oauth2: {client_id: a, token_url: "http://a", client_secret: a, client_secret_file: b}}', /at most one of oauth2/],
  ['{oauth2: {client_id: a, token_url: "http://a", grant_type: x}}', /grant_type "x" is not supported/],
  ['{tls_config: {ca: a, ca_file: b}}', /at most one of ca, ca_file & ca_ref must be configured/],
  ['{tls_config: {cert: a}}', /exactly one of key or key_file must be configured when a client certificate/],
  ['{tls_config: {key: a}}', /exactly one of cert or cert_file must be configured when a client key/],
  ['{tls_config: {min_version: TLS9}}', /unknown TLS version: TLS9/],
  ['{no_proxy: a}', /if no_proxy is configured, proxy_url must also be configured/],
  ['{proxy_url: "http://a", proxy_from_environment: true}', /if proxy_from_environment is configured, proxy_url must/],
  ['{http_headers: {user-agent: {values: [a]}}}', /setting header "User-Agent" is not allowed/],
  ['{proxy_url: ":"}', /parse ":": invalid URL/],
  ['{basic_auths: {}}', /has invalid keys: basic_auths/],
];

test('what Prometheus refuses is refused', () => {
  for (const [yaml, message] of REFUSED) {
    assert.match(readYaml(httpClientConfig, yaml).faults.join('\n'), message, yaml);
  }
});

test('defaults are those of Prometheus, null sections are absent, and scalars are text', () => {
  const { value, faults } = readYaml(httpClientConfig, '{basic_auth: null, bearer_token: 123}');
  assert.deepEqual(faults, []);
  assert.equal(value.basic_auth, undefined);
  assert.equal(value.bearer_token?.reveal(), '123');
  assert.equal(value.follow_redirects, true);
  assert.equal(value.enable_http2, true);
});

test('secrets are not shown', () => {
  const { value } = readYaml(
    httpClientConfig,
    '{basic_auth: {username: me, password: geheim}, http_headers: {X-A: {secrets: [geheim]}}, tls_config: {key: geheim}}',
  );
  assert.doesNotMatch(inspect(value, { depth: 9 }) + JSON.stringify(httpClientConfig.toPlain(value, false)), /geheim/);
});

test('which hosts are reached without the proxy', () => {
  const cases: readonly (readonly [list: string, url: string, bypasses: boolean])[] = [
    ['', 'http://example.com', false],
    ['', 'http://localhost:9090', true],
    ['', 'http://127.1.2.3', true],
    ['', 'http://[::1]:80', true],
    ['*', 'http://example.com', true],
    ['example.com', 'http://example.com', true],
    ['example.com', 'http://a.example.com', true],
    ['example.com', 'http://notexample.com', false],
    ['.example.com', 'http://example.com', false],
    ['.example.com', 'http://a.example.com', true],
    ['*.example.com', 'http://a.example.com', true],
    ['example.com:8080', 'http://example.com:8080', true],
    ['example.com:8080', 'http://example.com', false],
    ['10.0.0.0/8', 'http://10.2.3.4', true],
    ['10.0.0.0/8', 'http://11.2.3.4', false],
    ['fd00::/8', 'http://[fd00::1]', true],
    ['10.0.0.1', 'http://10.0.0.1', true],
    ['[fd00::1]:80', 'http://[fd00::1]', true],
    ['a, b ,c.org', 'http://c.org', true],
  ];
  for (const [list, url, bypasses] of cases)
    assert.equal(bypassesProxy(list, new URL(url)), bypasses, `${list} ${url}`);
});
