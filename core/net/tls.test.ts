import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { after, test } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Secret } from '../config/secret.ts';
import { type TlsClientConfig, type TlsServerConfig, tlsClient, tlsServerSection } from '../config/sections/tls.ts';
import { AdminServer, text } from '../http-admin/server.ts';
import { clientTls, serverTls } from './tls.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../test/support/tls/${name}`, import.meta.url));
const CERT = file('server.crt');
const KEY = file('server.key');

const servers: AdminServer[] = [];
after(() => Promise.all(servers.map((server) => server.close())));

const server = (changes: Partial<TlsServerConfig> = {}): TlsServerConfig => ({
  ...tlsServerSection.absent(),
  cert_file: CERT,
  key_file: KEY,
  ...changes,
});
const client = (changes: Partial<TlsClientConfig> = {}): TlsClientConfig => ({ ...tlsClient.absent(), ...changes });

async function exchange(tls: TlsServerConfig, options: ConnectionOptions | undefined): Promise<string> {
  const listening = await AdminServer.start({ endpoint: '127.0.0.1:0', tls }, () => text(200, 'hello'));
  servers.push(listening);
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: listening.port, agent: false, ...options }, (response) => {
      const protocol = String((response.socket as TLSSocket).getProtocol());
      response.resume().on('end', () => resolve(protocol));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('a client trusts the authority it is given, and no other', async () => {
  assert.equal(await exchange(server(), clientTls(client({ ca_file: CERT }))), 'TLSv1.3');
  const ca_pem = new Secret(readFileSync(CERT, 'utf8'));
  assert.equal(await exchange(server(), clientTls(client({ ca_pem }))), 'TLSv1.3');
  await assert.rejects(exchange(server(), clientTls(client())), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  assert.equal(await exchange(server(), clientTls(client({ insecure_skip_verify: true }))), 'TLSv1.3');
});

test('insecure means plain text, unless an authority is named', () => {
  assert.equal(clientTls(client({ insecure: true })), undefined);
  assert.notEqual(clientTls(client({ insecure: true, ca_file: CERT })), undefined);
});

test('the name of the server may be overridden', async () => {
  const tls = clientTls(client({ ca_file: CERT, server_name_override: 'elsewhere.test' }));
  await assert.rejects(exchange(server(), tls), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  assert.equal(
    await exchange(server(), clientTls(client({ ca_file: CERT, server_name_override: 'localhost' }))),
    'TLSv1.3',
  );
});

test('versions, suites and groups', async () => {
  const tls = server({
    max_version: '1.2',
    cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
    curve_preferences: ['P384', 'X25519'],
  });
  assert.equal(await exchange(tls, clientTls(client({ ca_file: CERT }))), 'TLSv1.2');
  const old = clientTls(client({ ca_file: CERT, max_version: '1.2' }));
  await assert.rejects(exchange(server({ min_version: '1.3' }), old), /alert protocol version/);
});

test('with client_ca_file a client must show a certificate of that authority', async () => {
  const tls = server({ client_ca_file: CERT });
  await assert.rejects(exchange(tls, clientTls(client({ ca_file: CERT }))));
  const own = client({ ca_file: CERT, cert_file: CERT, key_pem: new Secret(readFileSync(KEY, 'utf8')) });
  assert.equal(await exchange(tls, clientTls(own)), 'TLSv1.3');
});

test('files that are not there are named', () => {
  assert.throws(
    () => serverTls(server({ cert_file: '/no.crt' })),
    /failed to load TLS cert and key: open \/no\.crt: no such file or directory/,
  );
  assert.throws(() => serverTls(tlsServerSection.absent()), /for a server, provide both certificate and key/);
  assert.throws(
    () => clientTls(client({ ca_file: '/no.crt' })),
    /failed to load CA CertPool File: failed to load cert \/no\.crt: open \/no\.crt: no such file/,
  );
});
