/** Records that make no sense, in the middle of those that do: counted, told of once, bounded, and no stall. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { OutgoingRecord } from '../../core/kafka/client.ts';
import { platformaticDriver } from '../../core/kafka/platformatic.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { KafkaCluster } from './kafka.ts';
import { pause, until } from './kafka-lab.ts';
import { createTopics, labClient, Points, readCommitted, windowsOf } from './stream-lab.ts';

const ROUNDS = 40;
const PACE_MS = 20;
/** Of the partitions of `points`. */
const PARTITIONS = 12;
const MILLION = 1_000_000;
const KEYS_OF_A_RECORD = 5_000;
const MAX_KEYS = 20_000;
/** Events of one user, each of which may be part of a match with any of the others, or not. */
const EVENTS = 3_000;
const MAX_MATCHES = 200;
const MOST_MEMORY_MIB = 700;
const OLD = 5_000;
const NEVER = 0;
const FAR = Date.UTC(2100, 0, 1);

function configOf(brokers: readonly string[], metrics: number): string {
  const list = `[${brokers.map((broker) => `"${broker}"`).join(', ')}]`;
  return `
extensions:
  checkpoint:
    interval: 500ms
    exactly_once: { brokers: ${list}, replication_factor: 1, partitions: 3 }
receivers:
  kafka:
    brokers: ${list}
    group_id: bad-input
    initial_offset: earliest
    metrics: { topics: [points, keys] }
    logs: { topics: [events], encoding: events_json }
connectors:
  window: { size: 10s, out_of_orderness: 3s, statistics: [count, sum], max_keys: ${MAX_KEYS} }
  pattern:
    max_partial_matches: ${MAX_MATCHES}
    patterns:
      many:
        key: [user]
        steps:
          - { name: a, contiguity: begin, where: { field: event.name, op: ==, value: a } }
          - name: b
            contiguity: followedByAny
            where: { field: event.name, op: ==, value: b }
            quantifier: { oneOrMore: true, allowCombinations: true }
          - { name: c, contiguity: followedByAny, where: { field: event.name, op: ==, value: c } }
        alert: { message: "{{key}}" }
exporters: { kafka: { brokers: ${list}, exactly_once: true, metrics: { topic: windows }, logs: { topic: alerts } } }
service:
  extensions: [checkpoint]
  telemetry:
    logs: { sampling: { enabled: false } }
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${metrics} } } } }] }
  pipelines:
    metrics/in: { receivers: [kafka], exporters: [window] }
    metrics/out: { receivers: [window], exporters: [kafka] }
    logs/in: { receivers: [kafka], exporters: [pattern] }
    logs/out: { receivers: [pattern], exporters: [kafka] }`;
}

test('absurd times, a million keys, records that cannot be read, a pattern with endless ways', async (t) => {
  await using cluster = await KafkaCluster.start(1);
  await using lab = new Lab();
  const { addresses } = cluster;
  await createTopics(cluster, ['points', 'windows']);
  await createTopics(cluster, ['keys', 'events', 'alerts'], 1);
  const points = new Points(addresses, Math.random);
  const windows = await windowsOf(addresses);
  const alerts: string[] = [];
  const reading = await readCommitted(addresses, 'alerts', (value) => alerts.push(value.toString('latin1')));
  const producer = platformaticDriver.producer({
    ...labClient(addresses),
    ...{ acks: -1, codec: 'none', idempotent: true, transactionalId: '', autoCreateTopics: false },
    partitioner: (_topic, key) => Number(key),
  });
  const metrics = await freePort();
  const daemon = lab.run(configOf(addresses, metrics));
  const good = () => windows.rows.filter((row) => row.startsWith('points-'));

  for (let round = 0; round < ROUNDS; round++) {
    await points.next();
    if (round === ROUNDS / 2) await producer.send(nonsense());
    await pause(PACE_MS);
  }
  for (const record of millionKeys()) await producer.send([record]);
  await producer.send([...endless()]);
  await points.end();
  await producer.close();
  await until('all windows', () => good().length >= points.expected.size).catch((error) => {
    throw new Error(`${good().length} of ${points.expected.size} windows\n${daemon.output}`, { cause: error });
  });
  await daemon.until('the event behind all others', () => alerts.some((one) => one.includes('last user')));
  const counted = async (reason: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('otelcol_stream_strays') && line.includes(reason));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  const expected = { late: PARTITIONS, future: PARTITIONS, 'no time': PARTITIONS, 'too many keys': MILLION - MAX_KEYS };
  for (const [reason, count] of Object.entries(expected)) {
    await daemon.until(reason, async () => (await counted(`reason="${reason}"`)) >= count);
    assert.equal(await counted(`reason="${reason}"`), count, reason);
    const lines = daemon.output.split('\n').filter((line) => line.includes(`"reason": "${reason}"`));
    assert.equal(lines.length, 1, lines.join('\n'));
  }
  assert.deepEqual(good().toSorted(), [...points.expected].toSorted());
  const poison = daemon.output.split('Record was not taken and is passed over').length - 1;
  assert.equal(poison, PARTITIONS, 'one line for each partition');
  assert.equal(daemon.output.split('went beyond a limit: max_partial_matches').length - 1, 1);
  const memory =
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))?.[1]) / 1024;
  t.diagnostic(`${good().length} windows, ${alerts.length} records of alerts, ${Math.round(memory)} MiB at most`);
  assert.ok(memory < MOST_MEMORY_MIB, `${memory} MiB`);
  await Promise.all([reading.close(), windows.close()]);
  assert.equal(await daemon.stop(), 0);
});

/** Into each partition: two records that cannot be read, and points that cannot count. */
function nonsense(): OutgoingRecord[] {
  const valid = pointsOf(['latency'], OLD);
  const values = [Buffer.from('\xff no message at all', 'latin1'), valid.subarray(0, valid.length - 3)];
  for (const time of [OLD, NEVER, FAR]) values.push(pointsOf(['latency'], time));
  return Array.from({ length: PARTITIONS }, (_, partition) => partition).flatMap((partition) =>
    values.map((value) => ({ topic: 'points', key: Buffer.from(String(partition)), value, headers: [] })),
  );
}

/** Series that are all different, of one moment. */
function* millionKeys(): Iterable<OutgoingRecord> {
  const names = Array.from({ length: KEYS_OF_A_RECORD }, (_, i) => `n${String(i).padStart(7, '0')}`);
  const template = pointsOf(names, Date.now());
  const places = names.map((name) => template.indexOf(name));
  for (let first = 0; first < MILLION; first += KEYS_OF_A_RECORD) {
    const value = Buffer.from(template);
    for (const [i, at] of places.entries()) value.write(`n${String(first + i).padStart(7, '0')}`, at);
    yield { topic: 'keys', key: Buffer.from('0'), value, headers: [] };
  }
}

/** An a, many of b, which may be part of a match or not, a c; then a user with few of them. */
function* endless(): Iterable<OutgoingRecord> {
  const begin = Date.now() - 600_000;
  const event = (eventType: string, user: string, at: number): OutgoingRecord => {
    const value = Buffer.from(JSON.stringify({ eventType, user, timestamp: begin + at }));
    return { topic: 'events', key: Buffer.from('0'), value, headers: [] };
  };
  yield event('a', 'many', 0);
  for (let i = 1; i <= EVENTS; i++) yield event('b', 'many', i);
  yield event('c', 'many', EVENTS + 1);
  for (const [i, name] of ['a', 'b', 'c'].entries()) yield event(name, 'last user', EVENTS + 10 + i);
  yield event('a', 'nobody', EVENTS + 60_000);
}

function pointsOf(names: readonly string[], time: number): Buffer {
  const dataPoints = [{ timeUnixNano: `${BigInt(time) * 1_000_000n}`, asDouble: 1 }];
  const metrics = names.map((name) => ({ name, gauge: { dataPoints } }));
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'other' } }] };
  const json = JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] });
  return decodeJson('metrics', Buffer.from(json)).bytes;
}
