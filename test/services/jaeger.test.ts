/** Spans in a real Jaeger, through the exporter for its own format and through OTLP; Jaeger going and coming back. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import jaegerFactory from '../../exporters/jaeger/index.ts';
import otlpGrpcFactory from '../../exporters/otlp_grpc/index.ts';
import otlpHttpFactory from '../../exporters/otlp_http/index.ts';
import { CutProxy } from '../support/cut-proxy.ts';
import { freePort } from '../support/ports.ts';
import { batchOf, pause, scenario, startExporter, until } from './exporter-lab.ts';
import { Jaeger, type JaegerSpan } from './jaeger.ts';

let jaeger: Jaeger;
before(async () => {
  jaeger = await Jaeger.start();
});
after(() => jaeger?.[Symbol.asyncDispose]());

/** With the time for one try that a busy machine needs. */
const NO_QUEUE =
  'sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}\ntimeout: 60s\ntls: {insecure: true}\n';
const attribute = (key: string, value: object) => ({ key, value });
const ATTRIBUTES = [
  attribute('string', { stringValue: 'ü "x"' }),
  attribute('int', { intValue: '-9007199254740993' }),
  attribute('double', { doubleValue: 1.25 }),
  attribute('yes', { boolValue: true }),
  attribute('no', { boolValue: false }),
  attribute('bytes', { bytesValue: 'AAECAw==' }),
  attribute('list', { arrayValue: { values: [{ intValue: '1' }, { stringValue: 'two' }] } }),
  attribute('map', {
    kvlistValue: { values: [attribute('b', { intValue: '2' }), attribute('a', { boolValue: true })] },
  }),
];
const now = () => BigInt(Date.now()) * 1_000_000n;

/** A span with everything, of which Jaeger's own reading of OTLP knows what should become of it. */
function richTrace(service: string, traceId: string) {
  const start = now();
  const other = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) };
  const childOf = [attribute('opentracing.ref_type', { stringValue: 'child_of' })];
  const times = { startTimeUnixNano: String(start), endTimeUnixNano: String(start + 5000n) };
  const parent = { traceId, spanId: '11'.repeat(8), name: 'parent', kind: 2, ...times };
  const child = {
    ...parent,
    spanId: '22'.repeat(8),
    parentSpanId: '11'.repeat(8),
    name: 'child',
    kind: 3,
    endTimeUnixNano: String(start + 1_234_567_000n),
    traceState: 'vendor=1',
    attributes: ATTRIBUTES,
    status: { code: 2, message: 'it broke' },
    events: [
      { timeUnixNano: String(start + 1000n), name: 'exception', attributes: ATTRIBUTES },
      { timeUnixNano: String(start + 2000n), name: 'hidden', attributes: [attribute('event', { stringValue: 'own' })] },
    ],
    links: [other, { ...other, spanId: 'ef'.repeat(8), attributes: childOf }, { traceId, spanId: '11'.repeat(8) }],
  };
  const resource = { attributes: [attribute('service.name', { stringValue: service }), ...ATTRIBUTES] };
  const scopeSpans = [{ scope: { name: 'lib', version: '1.2' }, spans: [parent, child] }];
  return batchOf('traces', { resourceSpans: [{ resource, scopeSpans }] });
}

/** How a span came is a tag as well. */
const FORMATS = new Set(['internal.span.format', '@jaeger@format']);

/** What does not depend on how it came here. */
function comparable(spans: readonly JaegerSpan[]) {
  const sorted = (list: JaegerSpan['tags']) =>
    list
      .filter(({ key }) => !FORMATS.has(key))
      .map((tag) => JSON.stringify(tag))
      .sort();
  return spans.map(({ traceID, startTime, process, tags, logs, references, ...rest }) => ({
    ...rest,
    tags: sorted(tags),
    logs: logs.map(({ timestamp, fields }) => [timestamp - startTime, sorted(fields)]),
    references: references.map((r) => ({ ...r, traceID: r.traceID === traceID ? 'own' : r.traceID })),
    process: sorted(process.tags),
  }));
}

scenario('a span is the same in Jaeger whichever way it went', async () => {
  const ways = [
    [jaegerFactory, `127.0.0.1:${jaeger.grpcPort}`],
    [otlpGrpcFactory, `127.0.0.1:${jaeger.otlpGrpcPort}`],
    [otlpHttpFactory, `http://127.0.0.1:${jaeger.otlpHttpPort}`],
  ] as const;
  const found = [];
  for (const [i, [factory, endpoint]] of ways.entries()) {
    const { made } = await startExporter(factory as typeof otlpGrpcFactory, `${NO_QUEUE}endpoint: ${endpoint}`);
    const service = `way ${factory.type}`;
    await made.consume(richTrace(service, `0${i + 1}`.repeat(16)));
    await until(`the spans of ${service}`, async () => (await jaeger.spans(service)).length === 2);
    found.push(comparable(await jaeger.spans(service)));
  }
  const [own, grpc, http] = found;
  assert.deepEqual(own, grpc);
  assert.deepEqual(own, http);
  const [child] = own ?? [];
  assert.equal(child?.operationName, 'child');
  assert.equal(child?.duration, 1_234_567);
  for (const expected of [
    { key: 'int', type: 'int64', value: '-9007199254740993' },
    { key: 'map', type: 'string', value: '{"a":true,"b":2}' },
    { key: 'bytes', type: 'binary', value: 'AAECAw==' },
    { key: 'error', type: 'bool', value: true },
    { key: 'otel.status_description', type: 'string', value: 'it broke' },
    { key: 'w3c.tracestate', type: 'string', value: 'vendor=1' },
    { key: 'otel.scope.name', type: 'string', value: 'lib' },
    { key: 'span.kind', type: 'string', value: 'client' },
  ]) {
    assert.ok(child?.tags.includes(JSON.stringify(expected)), `${expected.key} in ${child?.tags}`);
  }
  assert.deepEqual(
    child?.references.map(({ refType, traceID, spanID }) => `${refType} ${traceID} ${spanID}`),
    [
      `FOLLOWS_FROM own ${'11'.repeat(8)}`,
      `FOLLOWS_FROM ${'ab'.repeat(16)} ${'cd'.repeat(8)}`,
      `CHILD_OF ${'ab'.repeat(16)} ${'ef'.repeat(8)}`,
    ],
  );
});

/** Spans numbered from `first` on, a hundred in a trace. */
function numbered(service: string, first: number, count: number, text = '') {
  const resource = { attributes: [attribute('service.name', { stringValue: service })] };
  const spans = Array.from({ length: count }, (_, i) => ({
    traceId: (1 + Math.floor((first + i) / 100)).toString(16).padStart(32, '0'),
    spanId: (first + i + 1).toString(16).padStart(16, '0'),
    name: `span ${first + i}`,
    startTimeUnixNano: String(now()),
    endTimeUnixNano: String(now()),
    attributes: [attribute('text', { stringValue: text })],
  }));
  return batchOf('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `span ${i}`).sort();
const namesOf = async (service: string) => (await jaeger.spans(service)).map((span) => span.operationName).sort();

scenario('more spans of a resource than Jaeger takes in a request', async () => {
  const { made } = await startExporter(jaegerFactory, `${NO_QUEUE}endpoint: 127.0.0.1:${jaeger.grpcPort}`);
  await made.consume(numbered('many', 0, 8000, 'x'.repeat(1000)));
  await until('all of them', async () => (await jaeger.spans('many')).length === 8000);
});

/** A busy machine answers in this time, and the cut is longer. */
const PATIENT = `tls: {insecure: true}
timeout: 4s
sending_queue: {queue_size: 1000, num_consumers: 4}
retry_on_failure: {initial_interval: 200ms, max_interval: 1s, max_elapsed_time: 0s}`;

scenario(
  'what is accepted while Jaeger is down arrives when it is back; the log has a line for each change',
  async () => {
    const { made, said } = await startExporter(jaegerFactory, `${PATIENT}\nendpoint: 127.0.0.1:${jaeger.grpcPort}`);
    await jaeger.service.stop();
    for (let i = 0; i < 200; i++) await made.consume(numbered('down', i * 10, 10));
    await pause(3000);
    await jaeger.restart();
    await until('all spans', async () => (await jaeger.spans('down')).length >= 2000);
    await made.shutdown();
    assert.deepEqual(await namesOf('down'), names(2000));
    assert.deepEqual(said(), ['Exporting failed. Will retry the request after interval.', 'Exporting works again.']);
  },
);

scenario('the network is cut and mended under load: nothing accepted is missing', async () => {
  const port = await freePort();
  await using proxy = await CutProxy.start(port, jaeger.grpcPort);
  const { made, said } = await startExporter(jaegerFactory, `${PATIENT}\nendpoint: 127.0.0.1:${port}`);
  let accepted = 0;
  for (let i = 0; i < 300; i++) {
    if (i === 100) proxy.cut();
    await made.consume(numbered('cut', accepted, 10));
    accepted += 10;
    await pause(10);
  }
  await pause(6000);
  proxy.mend();
  await until('all spans', async () => new Set(await namesOf('cut')).size === accepted);
  await made.shutdown();
  assert.deepEqual([...new Set(await namesOf('cut'))].sort(), names(accepted));
  assert.deepEqual(said(), ['Exporting failed. Will retry the request after interval.', 'Exporting works again.']);
});
