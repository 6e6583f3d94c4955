/** The keys of `tls` over real connections, one after another; tls.test.ts has the usual ones. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError } from '../config/fault.ts';
import { readYaml } from '../config/read.ts';
import { tlsClient, tlsServerSection } from '../config/sections/tls.ts';
import { clientTls, serverTls } from './tls.ts';

const support = (name: string): string => fileURLToPath(new URL(`../../test/support/tls/${name}`, import.meta.url));
/** Self-signed, elliptic. */
const EC = { cert: support('server.crt'), key: support('server.key') };

const directory = mkdtempSync(join(tmpdir(), 'weir-tls-keys-'));
after(() => rmSync(directory, { recursive: true }));
const run = promisify(execFile);

/** A self-signed RSA certificate, for suites that the elliptic one does not have. */
async function rsa(): Promise<{ readonly cert: string; readonly key: string }> {
  const files = { cert: join(directory, 'rsa.crt'), key: join(directory, 'rsa.key') };
  const subject = ['-subj', '/CN=rsa', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const out = ['-keyout', files.key, '-out', files.cert];
  await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', ...out, ...subject]);
  return files;
}
const RSA = await rsa();

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Handshake {
  readonly protocol: string | null;
  readonly cipher: string;
  readonly group: string | undefined;
  readonly servername: string | false | undefined;
}

/** A server and a client with these keys beside the certificate and its authority. */
async function handshake(
  server: string,
  client: string,
  files: { readonly cert: string; readonly key: string } = EC,
): Promise<Handshake> {
  const serverKeys = readYaml(tlsServerSection, `{cert_file: ${files.cert}, key_file: ${files.key}, ${server}}`);
  const options = clientTls(readYaml(tlsClient, `{ca_file: ${files.cert}, ${client}}`)) as ConnectionOptions;
  return exchange(serverTls(serverKeys), options);
}

async function exchange(serverOptions: object, options: ConnectionOptions): Promise<Handshake> {
  let servername: Handshake['servername'];
  const listening = createServer(serverOptions, (socket) => {
    servername = socket.servername as Handshake['servername'];
    socket.on('error', () => {}).end('x');
  });
  listening.on('tlsClientError', () => {});
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  cleanups.push(() => listening.close());
  const socket = connect({ servername: 'localhost', ...options, port: (listening.address() as AddressInfo).port });
  cleanups.push(() => socket.destroy());
  await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject).once('close', reject));
  const group = (socket.getEphemeralKeyInfo() as { readonly name?: string }).name;
  return { protocol: socket.getProtocol(), cipher: (socket as TLSSocket).getCipher().standardName, group, servername };
}

const refused = (section: typeof tlsClient, yaml: string, message: RegExp): void =>
  assert.throws(
    () => readYaml(section, yaml),
    (error) => error instanceof ConfigError && message.test(error.message),
  );

test('min_version and max_version: the highest that both sides have, and none below', async () => {
  const protocol = async (server: string, client: string) => (await handshake(server, client)).protocol;
  assert.equal(await protocol('', ''), 'TLSv1.3');
  assert.equal(await protocol('max_version: "1.2"', ''), 'TLSv1.2');
  assert.equal(await protocol('min_version: "1.1", max_version: "1.1"', 'min_version: "1.0"'), 'TLSv1.1');
  assert.equal(await protocol('min_version: "1.0", max_version: "1.0"', 'min_version: "1.0"'), 'TLSv1');
  await assert.rejects(protocol('max_version: "1.2"', 'min_version: "1.3"'));
  await assert.rejects(protocol('min_version: "1.0", max_version: "1.1"', ''), '1.2 is the lowest unless set');
});

test('cipher_suites: each name of Go means the suite of that name', async () => {
  const suites = [
    ...['AES_128_CBC_SHA', 'AES_256_CBC_SHA', 'AES_128_GCM_SHA256', 'AES_256_GCM_SHA384', 'CHACHA20_POLY1305_SHA256'],
  ].flatMap((suite) => [`TLS_ECDHE_ECDSA_WITH_${suite}`, `TLS_ECDHE_RSA_WITH_${suite}`]);
  for (const suite of suites) {
    const files = suite.includes('ECDSA') ? EC : RSA;
    const { cipher } = await handshake(`max_version: "1.2", cipher_suites: [${suite}]`, '', files);
    assert.equal(cipher, suite);
  }
  const disjoint = handshake(
    'max_version: "1.2", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]',
    'cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]',
  );
  await assert.rejects(disjoint);
  const newer = await handshake('cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]', '', RSA);
  assert.match(newer.cipher, /^TLS_AES_|^TLS_CHACHA20_/, 'those of TLS 1.3 are always on');
});

test('include_insecure_cipher_suites: they work where they are let in', async () => {
  const suites = ['TLS_RSA_WITH_AES_128_CBC_SHA', 'TLS_RSA_WITH_AES_256_CBC_SHA', 'TLS_RSA_WITH_AES_128_CBC_SHA256'];
  suites.push('TLS_RSA_WITH_AES_128_GCM_SHA256', 'TLS_RSA_WITH_AES_256_GCM_SHA384');
  suites.push('TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256');
  for (const suite of suites) {
    const keys = `max_version: "1.2", include_insecure_cipher_suites: true, cipher_suites: [${suite}]`;
    const { cipher } = await handshake(keys, keys, suite.includes('ECDSA') ? EC : RSA);
    assert.equal(cipher, suite);
    refused(tlsClient, `cipher_suites: [${suite}]`, /invalid TLS cipher suite: .*include_insecure_cipher_suites/);
  }
});

test('suites, curves, versions and keys that do not exist here are refused by name', () => {
  const insecure = 'include_insecure_cipher_suites: true';
  refused(tlsClient, '{cipher_suites: [TLS_NONE]}', /invalid TLS cipher suite: "TLS_NONE"/);
  refused(tlsClient, `{${insecure}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}`, /RC4_128_SHA": not supported/);
  refused(tlsClient, '{curve_preferences: [P224]}', /invalid curve type: P224\. Expected values are \[P256 /);
  refused(tlsClient, '{min_version: "1.5"}', /invalid TLS min_version: unsupported TLS version: "1\.5"/);
  refused(tlsClient, '{max_version: "x"}', /invalid TLS max_version: unsupported TLS version: "x"/);
  refused(tlsClient, '{min_version: "1.3", max_version: "1.2"}', /min_version cannot be greater than max_version/);
  refused(tlsClient, '{tpm: {enabled: true}}', /tpm::enabled is not supported/);
  refused(tlsClient, '{ca_file: a, ca_pem: b}', /either a CA file or the PEM-encoded string, but not both/);
  refused(tlsClient, '{cert_file: a, cert_pem: b, key_file: c}', /either certificate file or PEM, but not both/);
  refused(tlsClient, '{cert_file: a, key_file: b, key_pem: c}', /either key file or PEM, but not both/);
  refused(tlsClient, '{cert_file: a}', /must include both certificate and key \(CertFile/);
  assert.throws(() => readYaml(tlsServerSection, '{}'), /both certificate and key for server connections/);
});

test('curve_preferences: the group that both sides name', async () => {
  const group = async (server: string, client: string) => {
    const keys = `curve_preferences: [${server}], max_version: "1.2"`;
    return (await handshake(keys, `curve_preferences: [${client}]`, RSA)).group;
  };
  assert.equal(await group('P384', 'P256, P384'), 'secp384r1');
  assert.equal(await group('P521', 'P521'), 'secp521r1');
  assert.equal(await group('P256', 'X25519, P256'), 'prime256v1');
  assert.equal(await group('X25519', 'X25519'), 'X25519');
  await assert.rejects(group('P384', 'X25519'));
  const hybrid = 'curve_preferences: [X25519MLKEM768]';
  assert.equal((await handshake(hybrid, hybrid)).protocol, 'TLSv1.3');
  await assert.rejects(handshake(hybrid, 'curve_preferences: [P256]'));
});

test('server_name_override is sent as SNI and must be in the certificate; insecure_skip_verify takes any', async () => {
  assert.equal((await handshake('', 'server_name_override: localhost')).servername, 'localhost');
  await assert.rejects(handshake('', 'server_name_override: elsewhere.test'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  const careless = await handshake('', 'server_name_override: elsewhere.test, insecure_skip_verify: true');
  assert.equal(careless.servername, 'elsewhere.test');
});

test('certificate, key and authority as PEM text are the same as files', async () => {
  const pem = (file: string): string => JSON.stringify(readFileSync(file, 'utf8'));
  const server = readYaml(tlsServerSection, `{cert_pem: ${pem(EC.cert)}, key_pem: ${pem(EC.key)}}`);
  const client = readYaml(tlsClient, `{ca_pem: ${pem(EC.cert)}}`);
  assert.equal((await exchange(serverTls(server), clientTls(client) as ConnectionOptions)).protocol, 'TLSv1.3');
});

test('include_system_ca_certs_pool trusts the system beside the given authority, on both sides', () => {
  const count = (options: { readonly ca?: unknown } | undefined): number =>
    (options?.ca as string[] | undefined)?.length ?? 0;
  assert.equal(count(clientTls(readYaml(tlsClient, `ca_file: ${EC.cert}`))), 1);
  const both = readYaml(tlsClient, `{ca_file: ${EC.cert}, include_system_ca_certs_pool: true}`);
  assert.ok(count(clientTls(both)) > 50);
  const files = `cert_file: ${EC.cert}, key_file: ${EC.key}, client_ca_file: ${EC.cert}`;
  assert.equal(count(serverTls(readYaml(tlsServerSection, `{${files}}`))), 1);
  assert.ok(count(serverTls(readYaml(tlsServerSection, `{${files}, include_system_ca_certs_pool: true}`))) > 50);
});

test('without an authority a client trusts what the operating system trusts', async () => {
  const listening = createServer(serverTls(readYaml(tlsServerSection, `{cert_file: ${EC.cert}, key_file: ${EC.key}}`)));
  listening.on('secureConnection', (socket) => socket.on('error', () => {}).end());
  listening.on('tlsClientError', () => {});
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  cleanups.push(() => listening.close());
  const { port } = listening.address() as AddressInfo;
  const program = `
    import { connect } from 'node:tls';
    import { tlsClient } from ${JSON.stringify(new URL('../config/sections/tls.ts', import.meta.url).href)};
    import { clientTls } from ${JSON.stringify(new URL('./tls.ts', import.meta.url).href)};
    const socket = connect({ port: ${port}, host: '127.0.0.1', servername: 'localhost', ...clientTls(tlsClient.absent()) });
    socket.on('secureConnect', () => { console.log('trusted'); socket.destroy(); });
    socket.on('error', (error) => console.log(error.code));`;
  const trusting = async (file: string) => {
    const env = { ...process.env, SSL_CERT_FILE: file, SSL_CERT_DIR: directory };
    return (await run(process.execPath, ['--input-type=module', '-e', program], { env })).stdout.trim();
  };
  assert.equal(await trusting(EC.cert), 'trusted');
  assert.equal(await trusting(RSA.cert), 'DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('files that hold something else are refused when they are read', () => {
  const nonsense = join(directory, 'nonsense.pem');
  writeFileSync(nonsense, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const server = (keys: string) => () => serverTls(readYaml(tlsServerSection, `{${keys}}`));
  const client = (keys: string) => () => clientTls(readYaml(tlsClient, `{${keys}}`));
  assert.throws(client(`ca_file: ${nonsense}`), /failed to load CA CertPool File: failed to parse cert$/);
  assert.throws(client('ca_pem: nonsense'), /failed to load CA CertPool PEM: failed to parse cert$/);
  const pair = `cert_file: ${EC.cert}, key_file: ${EC.key}`;
  assert.throws(server(`${pair}, client_ca_file: ${nonsense}`), /client CA CertPool: failed to parse CA .*nonsense/);
  assert.throws(
    server(`${pair}, client_ca_file: /no.pem`),
    /failed to load CA \/no\.pem: open \/no\.pem: no such file/,
  );
  const mixed = `cert_file: ${EC.cert}, key_file: ${RSA.key}`;
  assert.throws(server(mixed), /failed to load TLS cert and key PEMs: /);
  assert.throws(client(mixed), /failed to load TLS cert and key PEMs: /);
  assert.throws(server(`cert_file: ${nonsense}, key_file: ${EC.key}`), /failed to load TLS cert and key PEMs: /);
});
