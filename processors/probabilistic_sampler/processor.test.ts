import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { EMPTY_CONTEXT } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased } from '../../core/testing/spans.ts';
import { type Config, config } from './config.ts';
import { ProbabilisticSampler } from './processor.ts';

const ID = '0102030405060708090a0b0c0d0e0f10';
const LOW_ID = `${'1'.repeat(18)}00000000000001`;

function build(options: Partial<Config>) {
  const settings = testSettings({ id: 'probabilistic_sampler' });
  const sink = new SinkConsumer();
  const processor = new ProbabilisticSampler(settings, { ...config.absent(), ...options }, sink);
  const counts = (name: string) =>
    Object.fromEntries(
      settings.meter
        .series(`otelcol_processor_probabilistic_sampler_count_${name}_sampled`)
        .map((series) => [`${series.labels.policy} ${series.labels.sampled}`, series.value]),
    );
  return { settings, sink, processor, counts };
}

function traces(spans: object[]): Telemetry {
  const { bytes, items } = decodeJson('traces', Buffer.from(JSON.stringify({ resourceSpans: [group(spans)] })));
  return Telemetry.of('traces', bytes, items, EMPTY_CONTEXT);
}

const group = (spans: object[]) => ({ scopeSpans: [{ spans }, { scope: { name: 'empty' } }] });

/** What the tracestates of the spans become; undefined for a span that is dropped. */
function sampled(options: Partial<Config>, spans: Record<string, unknown>[]): (string | undefined)[] {
  return spans.map((span) => {
    const { processor, sink } = build(options);
    processor.consume(traces([span]));
    const [batch] = sink.batches;
    return batch && decodeTree('traces', batch).resourceSpans[0]?.scopeSpans[0]?.spans[0]?.traceState;
  });
}

function sampledLog(options: Partial<Config>, record: Record<string, unknown>): Record<string, unknown> | undefined {
  const { processor, sink } = build(options);
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] };
  const { bytes, items } = decodeJson('logs', Buffer.from(JSON.stringify(request)));
  processor.consume(Telemetry.of('logs', bytes, items));
  const [batch] = sink.batches;
  const kept = batch && decodeTree('logs', batch).resourceLogs[0]?.scopeLogs[0]?.logRecords[0];
  return (
    kept && Object.fromEntries(kept.attributes.map(({ key, value }) => [key, value?.stringValue ?? value?.intValue]))
  );
}

const attribute = (key: string, value: object) => ({ key, value });
const text = (key: string, stringValue: string) => attribute(key, { stringValue });

test('hash_seed writes the randomness of its hash and its threshold', () => {
  const kept = sampled({ sampling_percentage: 99.9, hash_seed: 22 }, [
    { traceId: ID },
    { traceId: ID, traceState: 'a=b' },
  ]);
  assert.deepEqual(kept, ['ot=rv:2ef03615863443;th:0044', 'ot=rv:2ef03615863443;th:0044,a=b']);
  assert.deepEqual(sampled({ sampling_percentage: 18, hash_seed: 22 }, [{ traceId: ID }]), [undefined]);
  assert.deepEqual(sampled({ sampling_percentage: 100 }, [{ traceId: LOW_ID }]), ['ot=rv:f78021e57b421f;th:0']);
  assert.deepEqual(sampled({ sampling_percentage: 0.001 }, [{ traceId: ID }]), [undefined]);
});

test('hash_seed leaves alone what was sampled consistently, and what has no id', () => {
  const spans = [
    { traceId: ID, traceState: 'ot=th:8' },
    { traceId: ID, traceState: 'ot=rv:00000000000001' },
    { traceId: ID, traceState: '=' },
    {},
  ];
  assert.deepEqual(sampled({ sampling_percentage: 100 }, spans), [undefined, undefined, undefined, undefined]);
  assert.deepEqual(sampled({ sampling_percentage: 1, fail_closed: false }, spans), [
    'ot=th:8',
    'ot=rv:00000000000001',
    '=',
    'ot=rv:ffffffffffffff;th:0',
  ]);
});

test('equalizing keeps the stricter threshold', () => {
  const options: Partial<Config> = { mode: 'equalizing', sampling_percentage: 50 };
  const high = 'f'.repeat(32);
  assert.deepEqual(
    sampled(options, [
      { traceId: high },
      { traceId: LOW_ID },
      { traceId: high, traceState: 'ot=th:c' },
      { traceId: high, traceState: 'ot=th:4' },
      { traceId: high, traceState: 'ot=rv:00000000000001' },
      { traceId: LOW_ID, traceState: 'ot=rv:ffffffffffffff' },
    ]),
    ['ot=th:8', undefined, 'ot=th:c', 'ot=th:8', undefined, 'ot=rv:ffffffffffffff;th:8'],
  );
  const wrong = { traceId: LOW_ID, traceState: 'ot=th:c' };
  assert.deepEqual(sampled(options, [wrong]), [undefined]);
  assert.deepEqual(sampled({ ...options, fail_closed: false }, [wrong]), ['ot=th:0']);
});

test('proportional multiplies the probabilities', () => {
  const options: Partial<Config> = { mode: 'proportional', sampling_percentage: 25 };
  const span = { traceId: 'f'.repeat(32) };
  assert.deepEqual(sampled(options, [span, { ...span, traceState: 'ot=th:c' }]), ['ot=th:c', 'ot=th:f']);
  const rare = { ...span, traceState: 'ot=th:ffffffffffffff' };
  assert.deepEqual(sampled(options, [rare]), [undefined]);
});

test('sampling.priority decides, of whatever type it is', () => {
  const span = (value: object) => ({ traceId: ID, attributes: [attribute('sampling.priority', value)] });
  const zero = [{ intValue: '0' }, { doubleValue: 0 }, { stringValue: '-0' }];
  assert.deepEqual(sampled({ sampling_percentage: 100 }, zero.map(span)), [undefined, undefined, undefined]);
  const one = [{ intValue: '1' }, { doubleValue: 0.1 }, { stringValue: '1e3' }];
  assert.deepEqual(sampled({}, one.map(span)), ['ot=th:0', 'ot=th:0', 'ot=th:0']);
  const neither = [{ intValue: '-1' }, { stringValue: 'x' }, { boolValue: true }, {}];
  assert.deepEqual(sampled({}, neither.map(span)), [undefined, undefined, undefined, undefined]);
});

test('log records have their sampling in attributes', () => {
  const kept = sampledLog({ sampling_percentage: 99.9, hash_seed: 22 }, { traceId: ID });
  assert.deepEqual(kept, { 'sampling.randomness': '2ef03615863443', 'sampling.threshold': '0044' });
  const source: Partial<Config> = { sampling_percentage: 100, attribute_source: 'record', from_attribute: 'id' };
  const byText = sampledLog(source, { traceId: ID, attributes: [text('id', '5')] });
  assert.deepEqual(byText, sampledLog(source, { attributes: [text('id', '5')] }));
  const byNumber = sampledLog(source, { attributes: [attribute('id', { intValue: '5' })] });
  assert.equal(byNumber?.['sampling.randomness'], byText?.['sampling.randomness']);
  assert.equal(sampledLog(source, { traceId: ID }), undefined);
  assert.equal(sampledLog(source, { attributes: [text('id', '')] }), undefined);
  assert.equal(sampledLog(source, { attributes: [text('id', '5'), text('sampling.threshold', '8')] }), undefined);
});

test('consistent sampling of log records', () => {
  const options: Partial<Config> = { mode: 'equalizing', sampling_percentage: 50 };
  const randomness = text('sampling.randomness', 'f'.repeat(14));
  const kept = sampledLog(options, { attributes: [randomness, text('sampling.threshold', 'c')] });
  assert.equal(kept?.['sampling.threshold'], 'c');
  const wrong = { traceId: LOW_ID, attributes: [text('sampling.threshold', '8')] };
  assert.equal(sampledLog(options, wrong), undefined);
  assert.deepEqual(sampledLog({ ...options, fail_closed: false }, wrong), { 'sampling.threshold': '0' });
  const unreadable = { traceId: ID, attributes: [text('sampling.randomness', '1')] };
  assert.equal(sampledLog(options, unreadable), undefined);
  assert.deepEqual(sampledLog({ ...options, fail_closed: false }, unreadable), { 'sampling.randomness': '1' });
});

test('a log record may demand a percentage of its own', () => {
  const options: Partial<Config> = { sampling_priority: 'prio' };
  const record = (value: object) => ({ traceId: ID, attributes: [attribute('prio', value)] });
  const threshold = (value: object) => sampledLog(options, record(value))?.['sampling.threshold'];
  assert.equal(threshold({ intValue: '100' }), '0');
  assert.equal(threshold({ doubleValue: 50 }), '8');
  for (const value of [{ intValue: '0' }, { intValue: '101' }, { intValue: '-1' }, { stringValue: '100' }]) {
    assert.equal(threshold(value), undefined);
  }
});

test('decisions are counted by policy; what is left is handed on, and nothing where all was dropped', () => {
  const { processor, sink, counts, settings } = build({ sampling_percentage: 50, mode: 'equalizing' });
  const batch = traces([{ traceId: 'f'.repeat(32), name: 'kept' }, { traceId: LOW_ID }, {}, { traceState: '=' }]);
  processor.consume(batch);
  assert.deepEqual(counts('traces'), {
    'trace_id_w3c true': 1,
    'trace_id_w3c false': 1,
    'missing_randomness false': 2,
  });
  assert.deepEqual(sink.sizes, [1]);
  const [{ scopeSpans } = { scopeSpans: [] }] = decodeTree('traces', sink.batches[0] as Telemetry).resourceSpans;
  assert.equal(scopeSpans.length, 1, 'the scope that came empty is gone');
  assert.ok(isReleased(batch));
  assert.deepEqual(settings.logger.messages('info'), ['Sampling information cannot be read']);
  const dropped = traces([{ traceId: LOW_ID }]);
  assert.equal(processor.consume(dropped), undefined);
  assert.equal(sink.calls, 1);
  assert.ok(isReleased(dropped));
});

test('a refusal reaches the sender', () => {
  const { processor, sink } = build({ sampling_percentage: 100 });
  sink.refuse = new PipelineError('no');
  assert.throws(() => processor.consume(traces([{ traceId: ID }])), /no/);
});

test('percentages, precisions and sources that make no sense are refused', () => {
  const refused = {
    'sampling_percentage: -1': /sampling rate is negative: -1\.000000%/,
    'sampling_percentage: 1e-20': /sampling rate is too small/,
    'sampling_percentage: 1e39': /sampling rate is invalid/,
    'mode: random': /unsupported sampler mode "random"/,
    'attribute_source: span': /invalid attribute source: span/,
    'sampling_precision: 0': /invalid sampling precision: 0/,
    'sampling_precision: 15': /sampling precision is too great/,
  };
  for (const [yaml, message] of Object.entries(refused)) assert.throws(() => readYaml(config, yaml), message);
});
