import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Component } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../../core/telemetry/context.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from './config.ts';
import { HeadersSetter } from './extension.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-setter-'));
after(() => rmSync(directory, { recursive: true }));

function setter(yaml: string, host = new NopHost()) {
  const settings = testSettings({ id: 'headers_setter', kind: 'extension', signals: [] });
  const extension = new HeadersSetter(settings, readYaml(config, yaml));
  const sent = async (before: Record<string, string> = {}, context: Partial<RequestContext> = {}) => {
    const headers = new Map(Object.entries(before));
    await extension.authorize(headers, { ...EMPTY_CONTEXT, ...context });
    return Object.fromEntries(headers);
  };
  return { extension, host, sent, ...settings };
}

test('insert, update, upsert and delete, in order; no action is upsert', async () => {
  const { sent, logger } = setter(
    `headers: [
    {action: insert, key: A, value: 1}, {action: update, key: B, value: 2}, {action: upsert, key: C, value: 3},
    {action: delete, key: D}, {key: E, value: 5}]`.replaceAll(/value: (\d)/g, 'value: "$1"'),
  );
  assert.deepEqual(await sent(), { a: '1', c: '3', e: '5' });
  assert.deepEqual(await sent({ a: 'x', b: 'x', c: 'x', d: 'x' }), { a: 'x', b: '2', c: '3', e: '5' });
  assert.match(logger.messages('warn')[0] ?? '', /using 'upsert'/);
});

test('values of the request that brought the data', async () => {
  const { sent } = setter(`headers: [
    {action: upsert, key: tenant, from_context: X-Tenant, default_value: none},
    {action: upsert, key: user, from_attribute: username}]`);
  assert.deepEqual(await sent(), { tenant: 'none', user: '' });
  const metadata = new Map([['x-tenant', ['acme']]]);
  assert.deepEqual(await sent({}, { metadata, auth: new Map([['username', 'u']]) }), { tenant: 'acme', user: 'u' });
  const twice = new Map([['x-tenant', ['a', 'b']]]);
  await assert.rejects(sent({}, { metadata: twice }), /failed to determine the source: 2 source keys found/);
});

test('a file that is followed', async () => {
  const file = join(directory, 'value');
  writeFileSync(file, 'one\n');
  const { extension, host, sent, clock } = setter(`headers: [{action: upsert, key: k, value_file: ${file}}]`);
  extension.start(host);
  assert.deepEqual(await sent(), { k: 'one' });
  writeFileSync(file, 'two');
  clock.advance(1000);
  assert.deepEqual(await sent(), { k: 'two' });
  extension.shutdown();
  assert.equal(clock.pending, 0);
});

test('a further authenticator comes last; it must be there', async () => {
  const yaml = '{headers: [{action: upsert, key: authorization, value: own}], additional_auth: other}';
  const { extension, host, sent } = setter(yaml);
  assert.throws(() => extension.start(host), /failed to resolve authenticator "other": authenticator not found/);
  assert.equal(extension.requiresTls, false);
  const authorize = (headers: Map<string, string>) => void headers.set('authorization', 'other');
  host.extensions.set('other', { start() {}, shutdown() {}, authorize, requiresTls: true } as Component);
  extension.start(host);
  assert.deepEqual(await sent(), { authorization: 'other' });
  assert.equal(extension.requiresTls, true);
});
