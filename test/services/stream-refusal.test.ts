/** Two stages behind one Kafka receiver; what one of them makes is refused for a while: both count each record once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { KafkaCluster } from './kafka.ts';
import { pause } from './kafka-lab.ts';
import { createTopics, Points } from './stream-lab.ts';

const ROUNDS = 60;
const PACE_MS = 30;
const WINDOW = '{ type: tumbling, size: 10s, out_of_orderness: 3s, statistics: [count, sum] }';
const QUIET = 'telemetry: { metrics: { level: none } }';

test('a stage whose results are refused holds back its partition, and the other stage counts nothing twice', async () => {
  await using cluster = await KafkaCluster.start(1);
  await using lab = new Lab();
  const { addresses } = cluster;
  await createTopics(cluster, ['points']);
  const points = new Points(addresses, Math.random);
  const port = await freePort();
  const daemon = lab.run(`
receivers:
  kafka: { brokers: ["${addresses[0]}"], group_id: two, initial_offset: earliest, metrics: { topics: [points] } }
connectors: { window/a: ${WINDOW}, window/b: ${WINDOW} }
exporters:
  file: { path: "${lab.path('a.json')}", flush_interval: 50ms }
  otlp_http:
    endpoint: "http://127.0.0.1:${port}"
    sending_queue: { enabled: false }
    retry_on_failure: { enabled: false }
service:
  ${QUIET}
  pipelines:
    metrics/in: { receivers: [kafka], exporters: [window/a, window/b] }
    metrics/a: { receivers: [window/a], exporters: [file] }
    metrics/b: { receivers: [window/b], exporters: [otlp_http] }`);
  for (let round = 0; round < ROUNDS; round++) {
    await points.next();
    await pause(PACE_MS);
  }
  await daemon.until('the refusal', () => daemon.output.includes('Results were refused for now'));
  await daemon.until('the record', () => daemon.output.includes('Record was refused for now'));
  // some attempts
  await pause(3_000);
  const held = new Set(rows(lab, 'a.json')).size;
  assert.ok(held < points.expected.size, 'the partitions wait');
  const destination = lab.run(`
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { file: { path: "${lab.path('b.json')}", flush_interval: 50ms } }
service: { ${QUIET}, pipelines: { metrics: { receivers: [otlp], exporters: [file] } } }`);
  await points.end();
  const expected = [...points.expected].sort();
  for (const name of ['a.json', 'b.json']) {
    await daemon.until(`windows in ${name}`, () => rows(lab, name).length >= expected.length);
  }
  await pause(1_000);
  assert.deepEqual(rows(lab, 'a.json'), expected);
  assert.deepEqual(rows(lab, 'b.json'), expected);
  assert.equal(await daemon.stop(), 0, daemon.output);
  await destination.stop();
});

/** Windows as `Points` tells of them. */
function rows(lab: Lab, name: string): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: documents as they are
  const windows = lab.documents(name).flatMap(({ resourceMetrics }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: as above
    resourceMetrics.flatMap(({ resource, scopeMetrics }: any) =>
      // biome-ignore lint/suspicious/noExplicitAny: as above
      scopeMetrics.flatMap(({ metrics }: any) =>
        // biome-ignore lint/suspicious/noExplicitAny: as above
        metrics.flatMap(({ summary }: any) =>
          // biome-ignore lint/suspicious/noExplicitAny: as above
          summary.dataPoints.map(({ startTimeUnixNano, count, sum }: any) => {
            const service = resource.attributes[0].value.stringValue;
            return `${service} ${Number(BigInt(startTimeUnixNano) / 1_000_000n)} ${count} ${sum}`;
          }),
        ),
      ),
    ),
  );
  return windows.sort();
}
