/** Spans go from weir over real brokers to the real collector and back, in the encodings of Jaeger and Zipkin. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Lab } from '../support/lab.ts';
import { KafkaCluster } from './kafka.ts';
import { exporter, NO_QUEUE, receiver, scenario, until } from './kafka-lab.ts';
import { needOtelcol } from './otelcol.ts';

const ENCODINGS = ['jaeger_proto', 'jaeger_json', 'zipkin_proto', 'zipkin_json'];
const NAMES = Array.from({ length: 20 }, (_, i) => `span ${i}`).sort();
const OTELCOL = needOtelcol();
let cluster: KafkaCluster;
before(async () => {
  cluster = await KafkaCluster.start(1);
});
after(() => cluster?.[Symbol.asyncDispose]());

function spans(): Telemetry {
  const list = NAMES.map((name, i) => ({
    name,
    traceId: '5b'.repeat(16),
    spanId: (i + 1).toString(16).padStart(16, '0'),
    startTimeUnixNano: '1700000000000001000',
    endTimeUnixNano: '1700000000000002000',
    attributes: [{ key: 'k', value: { stringValue: 'v' } }],
  }));
  const json = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: list }] }] });
  const { bytes, items } = decodeJson('traces', Buffer.from(json));
  return Telemetry.of('traces', bytes, items);
}

/** Reads what weir wrote and writes it again, each encoding from a topic to another. */
function collector(): string {
  const brokers = `brokers: ["${cluster.addresses[0]}"]`;
  const group = (id: string) => `${brokers}, group_id: ${id}, initial_offset: earliest`;
  const each = (line: (encoding: string) => string) => ENCODINGS.map(line).join('\n');
  return `
receivers:
${each((e) => `  kafka/${e}: { ${group(e)}, traces: { topics: [in-${e}], encoding: ${e} } }`)}
exporters:
${each((e) => `  kafka/${e}: { ${brokers}, traces: { topic: out-${e}, encoding: ${e} } }`)}
service:
  telemetry: { logs: { level: warn }, metrics: { level: none } }
  pipelines:
${each((e) => `    traces/${e}: { receivers: [kafka/${e}], exporters: [kafka/${e}] }`)}
`;
}

scenario('what either writes the other reads', async () => {
  await using lab = new Lab();
  for (const encoding of ENCODINGS) {
    const { made } = await exporter(
      `${NO_QUEUE}\ntraces: {topic: in-${encoding}, encoding: ${encoding}}`,
      cluster.addresses,
    );
    await made.consume(spans());
  }
  lab.run(collector(), [OTELCOL]);
  for (const encoding of ENCODINGS) {
    const group = `initial_offset: earliest\ngroup_id: back-${encoding}`;
    const yaml = `${group}\ntraces: {topics: [out-${encoding}], encoding: ${encoding}}`;
    const back = await receiver(yaml, cluster.addresses);
    await until(`spans in ${encoding}`, () => back.sinks.traces.items >= NAMES.length);
    assert.deepEqual(back.names().sort(), NAMES, encoding);
  }
});
