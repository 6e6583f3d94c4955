/** Kafka over TLS, with passwords, tokens and certificates of clients, each with both clients. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Component } from '../../core/component.ts';
import { DRIVERS } from '../../core/kafka/driver.ts';
import { spanBatch } from '../../core/testing/spans.ts';
import { KafkaCluster } from './kafka.ts';
import { exporter, NO_QUEUE, pause, receiver, scenario, until } from './kafka-lab.ts';
import { Authority, PASSWORD, type SecureListeners, secureListeners, USER, unsecuredToken } from './kafka-security.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-kafka-tls-'));
let cluster: KafkaCluster;
let secure: SecureListeners;
before(async () => {
  const authority = new Authority(folder);
  for (const name of ['broker', 'client']) authority.issue(name);
  secure = await secureListeners(authority);
  cluster = await KafkaCluster.start(1, { extra: secure });
});
after(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** What the client shows is a token, as the extensions that fetch them do. */
const tokens: Component = {
  start: () => {},
  shutdown: () => {},
  ...{ authorize: (headers: Map<string, string>) => headers.set('authorization', `Bearer ${bearer()}`) },
};
let bearer = () => unsecuredToken(USER, Date.now());

const file = (name: string) => join(folder, name);
const password = (mechanism: string, secret = PASSWORD) =>
  `tls: {ca_file: ${file('ca.crt')}}\nauth: {sasl: {mechanism: ${mechanism}, username: ${USER}, password: ${secret}}}`;
const token = `tls: {ca_file: ${file('ca.crt')}}\nauth: {sasl: {mechanism: OAUTHBEARER, oauthbearer_token_source: tokens}}`;
const mutual = (more = '') =>
  `tls: {ca_file: ${file('ca.crt')}, cert_file: ${file('client.crt')}, key_file: ${file('client.key')}${more}}`;

let topics = 0;
/** There and back again. */
async function passes(common: string, address: string): Promise<void> {
  const topic = `secure-${++topics}`;
  const extensions = { tokens };
  const { made } = await exporter(`${common}\n${NO_QUEUE}\ntraces: {topic: ${topic}}`, [address], extensions);
  await made.consume(spanBatch(['a', 'b']));
  const group = `group_id: ${topic}\ninitial_offset: earliest\ntraces: {topics: [${topic}]}`;
  const { names } = await receiver(`${common}\n${group}`, [address], extensions);
  await until('the spans', () => names().length === 2);
  assert.deepEqual(names(), ['a', 'b']);
}

const NO_RETRY = 'sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}\ntimeout: 20s';
async function refused(common: string, address: string): Promise<string> {
  const { made } = await exporter(`${common}\n${NO_RETRY}\nmetadata: {retry: {max: 0}}`, [address], { tokens });
  return (made.consume(spanBatch(['a'])) as Promise<void>).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

for (const driver of DRIVERS) {
  const using = `driver: ${driver}\n`;
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    scenario(`${driver}: ${mechanism} over TLS`, () => passes(using + password(mechanism), secure.sasl));
    scenario(`${driver}: ${mechanism} with another password is refused with the reason`, async () => {
      assert.match(
        await refused(using + password(mechanism, 'wrong'), secure.sasl),
        /uthentication failed|Invalid username/i,
      );
    });
  }
  scenario(`${driver}: a token`, () => passes(using + token, secure.sasl));
  scenario(`${driver}: a token that has ended is refused`, async () => {
    bearer = () => unsecuredToken(USER, Date.now() - 7_200_000);
    try {
      // the broker says why in an answer that neither client reads
      assert.match(await refused(using + token, secure.sasl), /SASL/);
    } finally {
      bearer = () => unsecuredToken(USER, Date.now());
    }
  });
  scenario(`${driver}: a certificate of the client`, () => passes(using + mutual(), secure.mutual));
  scenario(`${driver}: without a certificate, or with another authority, there is no connection`, async () => {
    const none = `tls: {ca_file: ${file('ca.crt')}}`;
    assert.notEqual(await refused(using + none, secure.mutual), 'accepted');
    const unknown = `tls: {cert_file: ${file('client.crt')}, key_file: ${file('client.key')}}`;
    assert.match(await refused(using + unknown, secure.mutual), /certificate/);
  });
  scenario(`${driver}: a certificate that is put in the place of another is used`, async () => {
    for (const kind of ['crt', 'key']) copyFileSync(file(`ca.${kind}`), file(`renewed.${kind}`));
    const stranger = new Authority(mkdtempSync(join(folder, 'stranger-')));
    stranger.issue('client');
    for (const kind of ['crt', 'key']) copyFileSync(stranger.path(`client.${kind}`), file(`renewed.${kind}`));
    const tls = `{ca_file: ${file('ca.crt')}, cert_file: ${file('renewed.crt')}, key_file: ${file('renewed.key')}, reload_interval: 100ms}`;
    const { made } = await exporter(`${using}tls: ${tls}\n${NO_RETRY}\nmetadata: {retry: {max: 0}}`, [secure.mutual]);
    await assert.rejects(made.consume(spanBatch(['a'])) as Promise<void>);
    writeFileSync(file('renewed.key'), 'half of a file');
    await pause(300);
    for (const kind of ['crt', 'key']) copyFileSync(file(`client.${kind}`), file(`renewed.${kind}`));
    const sent = () =>
      (made.consume(spanBatch(['a'])) as Promise<void>).then(
        () => true,
        () => false,
      );
    await until('the new certificate', sent);
  });
}
