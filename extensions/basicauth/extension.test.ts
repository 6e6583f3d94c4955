import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkTransportSecurity } from '../../core/auth.ts';
import { readYaml } from '../../core/config/read.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { BasicAuthClient } from './client.ts';
import { config } from './config.ts';
import factory from './index.ts';
import { BasicAuthServer } from './server.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-basic-'));
after(() => rmSync(directory, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

const settings = () => testSettings({ id: 'basicauth', kind: 'extension', signals: [] });
const basic = (pair: string) => new Map([['authorization', [`Basic ${Buffer.from(pair).toString('base64')}`]]]);

test('the file and the lines in the configuration, which win; skipped lines are told by number only', () => {
  const yaml = `htpasswd: {file: ${file('users', 'a:old\nb:file\nhidden')}, inline: "a:new"}`;
  const own = settings();
  const server = factory.create(own, readYaml(config, yaml)) as BasicAuthServer;
  server.start();
  assert.throws(() => server.authenticate(basic('a:old')), { message: 'invalid credentials' });
  assert.deepEqual(
    server.authenticate(basic('a:new')),
    new Map([
      ['username', 'a'],
      ['raw', Buffer.from('a:new').toString('base64')],
    ]),
  );
  assert.ok(server.authenticate(basic('b:file')));
  assert.deepEqual(own.logger.lines[0]?.fields, { line: 3, reason: 'no colon' });
  server.shutdown();
});

test('a server without users does not come up', () => {
  const empty = readYaml(config, 'htpasswd: {}');
  assert.throws(() => factory.create(settings(), empty), /no credential source provided/);
  const server = new BasicAuthServer(settings(), { file: '/no/users', inline: undefined });
  assert.throws(() => server.start(), /open htpasswd file: open \/no\/users: no such file or directory/);
});

test('a client sends name and password, from files where they are named', () => {
  const user = file('user', 'from file\n');
  const yaml = `client_auth: {username: u, username_file: ${user}, password: p:w}`;
  const own = settings();
  const client = factory.create(own, readYaml(config, yaml)) as BasicAuthClient;
  client.start();
  const sent = () => {
    const headers = new Map<string, string>();
    client.authorize(headers);
    return headers.get('authorization');
  };
  assert.equal(sent(), basic('from file:p:w').get('authorization')?.[0]);
  writeFileSync(user, 'changed');
  own.clock.advance(1000);
  assert.equal(sent(), basic('changed:p:w').get('authorization')?.[0]);
  client.shutdown();
  assert.equal(own.clock.pending, 0);
  const colon = new BasicAuthClient(settings(), readYaml(config, 'client_auth: {username: a:b}').client_auth!);
  assert.throws(() => colon.start(), { message: 'invalid authorization format' });
  assert.throws(() => checkTransportSecurity(colon, false), /credentials require transport level security/);
});
