import assert from 'node:assert/strict';
import { createHmac, hash } from 'node:crypto';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from './config.ts';
import { RedactionProcessor } from './processor.ts';

// biome-ignore lint/suspicious/noExplicitAny: OTLP/JSON of any shape
type Json = any;

function redacted(yaml: string, signal: Signal, request: Json): Json {
  const { bytes, items } = decodeJson(signal, Buffer.from(JSON.stringify(request)));
  let result: Json;
  const next = {
    consume(batch: Telemetry) {
      result = JSON.parse(encodeJson(batch).toString());
      batch.release();
    },
  };
  new RedactionProcessor(testSettings({ signals: [signal] }), readYaml(config, yaml), next).consume(
    Telemetry.of(signal, bytes, items),
  );
  return result;
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

function attributes(yaml: string, list: readonly unknown[]): Json[] {
  const request = { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 's', attributes: list }] }] }] };
  return redacted(yaml, 'traces', request).resourceSpans[0].scopeSpans[0].spans[0].attributes ?? [];
}

test('by default every attribute goes, of resources, scopes and events as well', () => {
  const list = [text('a', 'b')];
  const event = { name: 'e', attributes: list };
  const request = {
    resourceSpans: [
      {
        resource: { attributes: list },
        scopeSpans: [{ scope: { attributes: list }, spans: [{ attributes: list, events: [event] }] }],
      },
    ],
  };
  assert.equal(JSON.stringify(redacted('', 'traces', request)).includes('"a"'), false);
});

test('what is masked, allowed, removed and ignored is summed up, added to what is there', () => {
  const yaml = `
allowed_keys: [card, mail, redaction.masked.keys, redaction.masked.count]
ignored_keys: [safe]
blocked_values: ["4[0-9]{15}"]
allowed_values: ["@example.org$"]
summary: debug`;
  const card = '4111111111111111';
  const list = [
    text('card', `no ${card}!`),
    text('mail', `${card}@example.org`),
    text('safe', card),
    text('gone', 'x'),
  ];
  list.push(text('redaction.masked.keys', 'earlier'), text('redaction.masked.count', 'not a number'));
  const result = Object.fromEntries(attributes(yaml, list).map(({ key, value }) => [key, value]));
  assert.deepEqual(result.card, { stringValue: 'no ****!' });
  assert.deepEqual(result.mail, { stringValue: `${card}@example.org` });
  assert.deepEqual(result.safe, { stringValue: card });
  assert.deepEqual(result['redaction.redacted.keys'], { stringValue: 'gone' });
  assert.deepEqual(result['redaction.masked.keys'], { stringValue: 'card,earlier' });
  assert.deepEqual(result['redaction.masked.count'], { intValue: '1' });
  assert.deepEqual(result['redaction.allowed.keys'], { stringValue: 'mail' });
  assert.deepEqual(result['redaction.ignored.count'], { intValue: '1' });
  assert.equal(result['redaction.ignored.keys'], undefined);
});

test('a digest stands for what is masked', () => {
  const key = 'k'.repeat(64);
  const digests = {
    md5: hash('md5', '123', 'hex'),
    SHA1: hash('sha1', '123', 'hex'),
    sha3: hash('sha3-256', '123', 'hex'),
    'hmac-sha256': createHmac('sha256', key).update('123').digest('hex'),
    'hmac-sha512': createHmac('sha512', key).update('123').digest('hex'),
  };
  for (const [name, digest] of Object.entries(digests)) {
    const yaml = `{ allow_all_keys: true, blocked_values: ["[0-9]+"], hash_function: ${name}, hmac_key: ${key} }`;
    assert.deepEqual(attributes(yaml, [text('a', 'x123y')]), [text('a', `x${digest}y`)], name);
  }
});

test('values that are not text are looked at as empty text, or with redact_all_types as text', () => {
  const list = [
    { key: 'n', value: { intValue: '12' } },
    { key: 'token', value: { intValue: '1' } },
  ];
  const yaml = 'allow_all_keys: true\nblocked_key_patterns: [token]\nblocked_values: ["^1"]';
  assert.deepEqual(attributes(yaml, list), [list[0], text('token', '****')]);
  assert.deepEqual(attributes(`${yaml}\nredact_all_types: true`, list), [text('n', '****2'), text('token', '****')]);
});

test('a whole value is masked line by line', () => {
  const yaml = 'allow_all_keys: true\nblocked_key_patterns: [a]';
  assert.deepEqual(attributes(yaml, [text('a', 'one\ntwo'), text('a', '')]), [
    text('a', '****\n****'),
    text('a', '****'),
  ]);
});

test('bodies are redacted key by key', () => {
  const yaml = `
allowed_keys: [user, deep, list]
ignored_keys: [safe]
blocked_key_patterns: [user]
blocked_values: ["[0-9]+"]
summary: debug`;
  const map = (entries: Readonly<Record<string, Json>>) => ({
    kvlistValue: { values: Object.entries(entries).map(([key, value]) => ({ key, value })) },
  });
  const list = { arrayValue: { values: [{ stringValue: 'a1' }, { doubleValue: 2 }, map({ gone: {} })] } };
  const body = map({ user: { intValue: '5' }, safe: { stringValue: '1' }, drop: {}, deep: map({ list }) });
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body }] }] }] };
  const record = redacted(yaml, 'logs', request).resourceLogs[0].scopeLogs[0].logRecords[0];
  const clean = { arrayValue: { values: [{ stringValue: 'a****' }, { stringValue: '****' }, { kvlistValue: {} }] } };
  assert.deepEqual(
    new Set(record.body.kvlistValue.values),
    new Set(
      map({ user: { stringValue: '****' }, safe: { stringValue: '1' }, deep: map({ list: clean }) }).kvlistValue.values,
    ),
  );
  assert.deepEqual(record.attributes, [
    text('redaction.body.redacted.keys', 'deep.list.[2].gone,drop'),
    { key: 'redaction.body.redacted.count', value: { intValue: '2' } },
    text('redaction.body.masked.keys', 'deep.list.[0],deep.list.[1],user'),
    { key: 'redaction.body.masked.count', value: { intValue: '3' } },
    { key: 'redaction.body.ignored.count', value: { intValue: '1' } },
  ]);
});

test('a batch in which there is nothing to redact goes on as it is', () => {
  let got: Telemetry | undefined;
  const next = {
    consume(batch: Telemetry) {
      got = batch;
    },
  };
  const processor = new RedactionProcessor(testSettings(), readYaml(config, 'allow_all_keys: true'), next);
  const { bytes } = decodeJson(
    'logs',
    Buffer.from('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}'),
  );
  const batch = Telemetry.of('logs', bytes, 1);
  processor.consume(batch);
  assert.equal(got, batch);
});

test('what is not supported yet, or not secret enough, is refused', () => {
  const refused = (yaml: string) => () =>
    new RedactionProcessor(testSettings(), readYaml(config, yaml), { consume() {} });
  assert.throws(refused('url_sanitizer: { enabled: true }'), /not supported yet: url_sanitizer$/);
  assert.throws(refused('db_sanitizer: { sql: { enabled: true } }'), /not supported yet: db_sanitizer\.sql$/);
  assert.throws(
    refused('hash_function: hmac-sha256'),
    /hmac_key must not be empty when hash_function is "hmac-sha256"/,
  );
  assert.throws(
    refused('{ hash_function: hmac-sha512, hmac_key: short }'),
    /hmac_key must be at least 64 bytes long for "hmac-sha512", got 5 bytes/,
  );
  assert.throws(refused('hash_function: crc'), /unknown HashFunction crc, allowed functions are/);
});
