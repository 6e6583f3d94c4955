import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { type TestSettingsOptions, testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased, spanNames } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { TailSamplingProcessor } from './processor.ts';
import { batchOf, type JsonSpan, requestOf, traceId } from './testing/spans.ts';

const PREFIX = 'otelcol_processor_tail_sampling';
const ALL = '{name: all, type: always_sample}';
const ERRORS = '{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}';
const SLOW = '{name: slow, type: latency, latency: {threshold_ms: 1000}}';

async function started(policies: string, more = '', options: TestSettingsOptions = {}) {
  const settings = testSettings({ id: 'tail_sampling', signals: ['traces'], ...options });
  const sink = new SinkConsumer();
  const yaml = `decision_wait: 2s\npolicies: [${policies}]\n${more}`;
  const processor = new TailSamplingProcessor(settings, readYaml(config, yaml), sink);
  await processor.start(new NopHost());
  return {
    settings,
    sink,
    processor,
    sent: () => sink.batches.flatMap((batch) => spanNames(batch)),
    metric: (name: string, labels = {}) => settings.meter.value(`${PREFIX}_${name}`, labels),
    /** Spans of traces, by the numbers of their traces. */
    take: (...spans: JsonSpan[]) => processor.consume(requestOf(spans)),
    audit: () => [...(processor.zpages[0]?.rows() ?? [])].map((row) => row.slice(1, 5).join(' | ')),
  };
}

function span(trace: number, name: string, more: JsonSpan = {}): JsonSpan {
  return { traceId: traceId(trace), spanId: '00000000000000ff', parentSpanId: '00000000000000fe', name, ...more };
}
const failed = { status: { code: 2 } };

test('spans wait until their trace is decided, decision_wait to one second more after the first', async () => {
  const { take, sent, settings, processor, metric } = await started(ERRORS);
  take(span(1, 'a', failed), span(2, 'b'));
  await settings.clock.advanceAsync(1500);
  take(span(1, 'c'), span(3, 'd', failed));
  await settings.clock.advanceAsync(1499);
  assert.deepEqual(sent(), []);
  await settings.clock.advanceAsync(1);
  assert.deepEqual(sent(), ['a', 'c']);
  await settings.clock.advanceAsync(1000);
  assert.deepEqual(sent(), ['a', 'c', 'd']);
  assert.equal(metric('count_traces_sampled', { policy: 'errors', sampled: 'true', decision: 'sampled' }), 2);
  assert.equal(metric('count_traces_sampled', { policy: 'errors', sampled: 'false', decision: 'not_sampled' }), 1);
  assert.equal(metric('global_count_traces_sampled', { sampled: 'true', decision: 'sampled' }), 2);
  assert.equal(metric('new_trace_id_received'), 3);
  assert.equal(metric('sampling_traces_on_memory'), 3);
  assert.equal(metric('sampling_policy_execution_count', { policy: 'errors' }), 3);
  await processor.shutdown();
  assert.equal(settings.clock.pending, 0);
});

test('a trace is sent as one resource group for each that came, without schema URLs', async () => {
  const { processor, sink } = await started(ALL);
  const attributes = [{ key: 'service.name', value: { stringValue: 's' } }];
  const scope = (name: string, ...spans: JsonSpan[]) => ({ scope: { name }, spans, schemaUrl: 'x' });
  const resource = { attributes, droppedAttributesCount: 3 };
  processor.consume(
    batchOf([
      {
        resource,
        schemaUrl: 'y',
        scopeSpans: [scope('p', span(1, 'a'), span(2, 'b'), span(1, 'c')), scope('q', span(1, 'd'))],
      },
      { scopeSpans: [{ spans: [span(1, 'e')] }] },
    ]),
  );
  processor.consume(requestOf([span(1, 'f')]));
  await processor.shutdown();
  const groups = sink.batches.flatMap((batch) => decodeTree('traces', batch).resourceSpans);
  const shape = groups.map((group) => [
    group.resource?.attributes.length ?? 0,
    group.schemaUrl,
    group.scopeSpans.map((s) => `${s.scope?.name ?? ''}${s.schemaUrl}: ${s.spans.map((x) => x.name).join()}`),
  ]);
  assert.deepEqual(shape, [
    [1, '', ['p: a,c', 'q: d']],
    [0, '', [': e']],
    [0, '', ['lib: f']],
    [1, '', ['p: b']],
  ]);
  assert.equal(groups[0]?.resource?.droppedAttributesCount, 3);
});

test('what drops wins over what samples, whatever the order', async () => {
  const drop =
    '{name: d, type: drop, drop: {drop_sub_policy: [{name: x, type: span_count, span_count: {min_spans: 2}}]}}';
  const { take, processor, sent, metric, audit } = await started(`${ALL}, ${drop}`);
  take(span(1, 'a'), span(2, 'b'), span(2, 'c'));
  await processor.shutdown();
  assert.deepEqual(sent(), ['a']);
  assert.equal(metric('global_count_traces_sampled', { decision: 'dropped' }), 1);
  assert.equal(metric('sampling_policy_execution_count', { policy: 'all' }), 1, 'nobody is asked after it');
  assert.deepEqual(audit(), ['dropped | d | shutdown | 2', 'sampled | all | shutdown | 1']);
});

test('all policies are asked, or those up to the first that samples', async () => {
  for (const [more, asked] of [
    ['', 1],
    ['sample_on_first_match: true', 0],
  ] as const) {
    const { take, processor, metric } = await started(`${ERRORS}, ${ALL}`, more);
    take(span(1, 'a', failed));
    await processor.shutdown();
    assert.equal(metric('sampling_policy_execution_count', { policy: 'all' }), asked);
  }
});

test('late spans follow the decision as long as the trace is known', async () => {
  const { take, sent, settings, processor, metric } = await started(ERRORS, 'num_traces: 2');
  take(span(1, 'a', failed), span(2, 'b'));
  await settings.clock.advanceAsync(3000);
  await settings.clock.advanceAsync(4000);
  take(span(1, 'late'), span(2, 'never'));
  assert.deepEqual(sent(), ['a', 'late']);
  assert.equal(metric('sampling_late_span_age'), 8);
  take(span(3, 'c'), span(4, 'd'));
  take(span(1, 'as new'));
  assert.deepEqual(sent(), ['a', 'late']);
  assert.equal(metric('sampling_traces_on_memory'), 2);
  await processor.shutdown();
  assert.deepEqual(sent(), ['a', 'late']);
});

test('caches outlast the traces and free their places', async () => {
  const caches = 'decision_cache: {sampled_cache_size: 10, non_sampled_cache_size: 10}\nnum_traces: 2';
  const { take, sent, settings, processor, metric } = await started(ERRORS, caches);
  take(span(1, 'a', failed), span(2, 'b'));
  await settings.clock.advanceAsync(3000);
  assert.equal(metric('sampling_trace_removal_age'), 6);
  take(span(3, 'c'), span(4, 'd'), span(5, 'e'));
  take(span(1, 'late'), span(2, 'never', failed));
  assert.deepEqual(sent(), ['a', 'late']);
  assert.equal(metric('early_releases_from_cache_decision', { sampled: 'true' }), 1);
  assert.equal(metric('early_releases_from_cache_decision', { sampled: 'false' }), 1);
  await processor.shutdown();
});

test('beyond num_traces the oldest is given up, and counted', async () => {
  const { take, sent, processor, metric, settings, audit } = await started(ALL, 'num_traces: 2');
  take(span(1, 'a'), span(2, 'b'));
  take(span(1, 'a2'), span(3, 'c'));
  await settings.clock.advanceAsync(3000);
  assert.deepEqual(sent(), ['b', 'c']);
  assert.equal(metric('sampling_trace_dropped_too_early'), 1);
  assert.match(audit().join(), /given up \| {2}\| given up: more than num_traces \| 2/);
  await processor.shutdown();
});

test('block_on_overflow: senders wait for a place', async () => {
  const { take, sent, processor, settings, metric } = await started(ALL, 'num_traces: 2\nblock_on_overflow: true');
  assert.equal(take(span(1, 'a'), span(2, 'b')), undefined);
  const waiting = [take(span(3, 'c')), take(span(4, 'd'))];
  await settle();
  assert.deepEqual(sent(), []);
  await settings.clock.advanceAsync(3000);
  await Promise.all(waiting);
  assert.deepEqual(sent(), ['a', 'b']);
  const late = requestOf([span(5, 'e')]);
  const refused = processor.consume(late);
  await processor.shutdown();
  await assert.rejects(
    async () => refused,
    (error: PipelineError) => !error.permanent,
  );
  assert.ok(isReleased(late));
  assert.deepEqual(sent(), ['a', 'b', 'c', 'd']);
  assert.equal(metric('sampling_trace_dropped_too_early'), 0);
});

test('the root span brings the decision forward, never back', async () => {
  const { take, sent, settings, processor, audit } = await started(ALL, 'decision_wait_after_root_received: 1s');
  const root = { parentSpanId: '' };
  take(span(1, 'a', root), span(2, 'b'), span(3, 'c', { parentSpanId: '0000000000000000' }));
  await settings.clock.advanceAsync(2000);
  assert.deepEqual(sent(), ['a', 'c']);
  take(span(2, 'root', root));
  await settings.clock.advanceAsync(1000);
  assert.deepEqual(sent(), ['a', 'c', 'b', 'root']);
  assert.match(audit()[0] ?? '', /decision_wait is over/);
  assert.match(audit()[1] ?? '', /after_root_received/);
  await processor.shutdown();
});

test('a trace that is too large is dropped at once', async () => {
  const { take, sent, processor, metric } = await started(ALL, 'maximum_trace_size_bytes: 150');
  take(span(1, 'a'), span(2, 'b'));
  take(span(1, 'a2'), span(1, 'a3'));
  take(span(1, 'a4'));
  await processor.shutdown();
  assert.deepEqual(sent(), ['b']);
  assert.equal(metric('traces_dropped_too_large'), 1);
});

test('maximum_pending_bytes: the longest waiting are given up', async () => {
  const { take, sent, processor, metric } = await started(ALL, 'maximum_pending_bytes: 1000');
  for (let i = 1; i <= 20; i++) take(span(i, `s${i}`));
  await processor.shutdown();
  const kept = sent().length;
  assert.ok(kept > 3 && kept < 15, `${kept} kept`);
  assert.equal(sent().at(-1), 's20');
  assert.equal(metric('sampling_trace_dropped_too_early'), 20 - kept);
});

test('span-ingest: policies are asked about each chunk', async () => {
  const { take, sent, settings, processor, metric } = await started(ERRORS, 'sampling_strategy: span-ingest');
  take(span(1, 'a'), span(2, 'b'));
  take(span(1, 'c', failed));
  assert.deepEqual(sent(), ['a', 'c']);
  take(span(1, 'd'));
  assert.deepEqual(sent(), ['a', 'c', 'd']);
  await settings.clock.advanceAsync(3000);
  assert.equal(metric('global_count_traces_sampled', { decision: 'not_sampled' }), 1);
  assert.equal(metric('sampling_traces_on_memory'), 1, 'what was not sampled is forgotten');
  await processor.shutdown();
  assert.deepEqual(sent(), ['a', 'c', 'd']);
});

test('decide_early: as soon as nothing can change it, and not before', async () => {
  const drop =
    '{name: d, type: drop, drop: {drop_sub_policy: [{name: x, type: span_count, span_count: {min_spans: 3}}]}}';
  const early = await started(`${ERRORS}, ${SLOW}`, 'decide_early: true');
  early.take(span(1, 'a'), span(2, 'b'));
  early.take(span(1, 'c', failed));
  assert.deepEqual(early.sent(), ['a', 'c']);
  assert.match(early.audit().join(), /sampled \| errors \| no further span can change it \| 2/);
  await early.settings.clock.advanceAsync(3000);
  assert.equal(early.metric('global_count_traces_sampled'), 2);
  await early.processor.shutdown();

  const { take, sent, processor } = await started(`${ERRORS}, ${drop}`, 'decide_early: true');
  take(span(1, 'a', failed), span(2, 'b', failed), span(2, 'b2'), span(2, 'b3'));
  assert.deepEqual(sent(), []);
  await processor.shutdown();
  assert.deepEqual(sent(), ['a']);
});

test('at the end what waits is decided, or dropped', async () => {
  const { take, sent, processor } = await started(ERRORS);
  take(span(1, 'a', failed), span(2, 'b'));
  await processor.shutdown();
  await processor.shutdown();
  assert.deepEqual(sent(), ['a']);
  const late = requestOf([span(3, 'c')]);
  assert.throws(
    () => processor.consume(late),
    (error: PipelineError) => !error.permanent,
  );
  assert.ok(isReleased(late));
  const dropping = await started(ALL, 'drop_pending_traces_on_shutdown: true');
  dropping.take(span(1, 'a'));
  await dropping.processor.shutdown();
  assert.deepEqual(dropping.sent(), []);
});

test('a refusal behind it loses what it is about, and says so', async () => {
  for (const async of [false, true]) {
    const { take, sent, sink, settings, processor, metric } = await started(ALL);
    sink.async = async;
    sink.refuse = new PipelineError('no room');
    take(span(1, 'a'), span(1, 'b'));
    await settings.clock.advanceAsync(3000);
    assert.deepEqual(settings.logger.messages('warn'), ['Error sending spans to destination']);
    assert.equal(metric('lost_spans'), 2);
    sink.refuse = undefined;
    take(span(2, 'c'));
    await processor.shutdown();
    assert.deepEqual(sent(), ['c']);
  }
});

test('a policy that fails is counted; the others decide', async () => {
  const broken = '{name: n, type: numeric_attribute, numeric_attribute: {key: k}}';
  const { take, sent, processor, metric } = await started(`${broken}, ${ERRORS}`);
  take(span(1, 'a', failed), span(2, 'b'));
  await processor.shutdown();
  assert.deepEqual(sent(), ['a']);
  assert.equal(metric('sampling_policy_evaluation_error'), 2);
});

test('scopes are told which policy sampled, where a feature gate asks for it', async () => {
  const composite =
    '{name: comp, type: composite, composite: {max_total_spans_per_second: 9, composite_sub_policy: [{name: sub, type: always_sample}], rate_allocation: [{policy: sub, percent: 100}]}}';
  const featureGates = ['processor.tailsamplingprocessor.recordpolicy'];
  const caches = 'decision_cache: {sampled_cache_size: 10}';
  const attributesOf = (batch: Telemetry) =>
    decodeTree('traces', batch).resourceSpans.map((group) =>
      group.scopeSpans[0]?.scope?.attributes.map((a) => a.key.slice(13)),
    );
  const { take, sink, processor, settings } = await started(composite, caches, { featureGates });
  take(span(1, 'a'));
  await settings.clock.advanceAsync(3000);
  take(span(1, 'b'));
  await processor.shutdown();
  assert.deepEqual(sink.batches.map(attributesOf), [[['composite_policy', 'policy']], [['policy', 'cached_decision']]]);

  // without a cache late spans carry nothing, and spans that came before the one that decided neither
  const ingest = await started(ERRORS, 'sampling_strategy: span-ingest', { featureGates });
  ingest.take(span(1, 'a'));
  ingest.take(span(1, 'b', failed));
  ingest.take(span(1, 'c'));
  await ingest.processor.shutdown();
  assert.deepEqual(ingest.sink.batches.map(attributesOf), [[[], ['policy']], [[]]]);
});

test('policies are named after their processor, and counted by spans and bytes behind gates', async () => {
  const gates = ['spanssampled', 'bytessampled'].map((g) => `processor.tailsamplingprocessor.metricstatcount${g}`);
  const { take, processor, metric } = await started(ALL, '', { id: 'tail_sampling/x', featureGates: gates });
  take(span(1, 'a'), span(1, 'b'));
  await processor.shutdown();
  assert.equal(metric('count_spans_sampled', { policy: 'x.all' }), 2);
  assert.equal(metric('count_bytes_sampled', { policy: 'x.all' }), 101);
});

test('one huge trace and very many small ones stay within the limits', async () => {
  const { processor, sink, metric, settings } = await started(ALL, 'num_traces: 1000');
  const huge = Array.from({ length: 50_000 }, (_, i) => span(7, `h${i}`));
  processor.consume(requestOf(huge));
  await settings.clock.advanceAsync(3000);
  assert.equal(sink.items, 50_000);
  sink.clear();
  for (let i = 0; i < 20; i++) {
    processor.consume(requestOf(Array.from({ length: 500 }, (_, j) => span(1000 + i * 500 + j, 's'))));
  }
  await processor.shutdown();
  assert.equal(metric('sampling_traces_on_memory'), 1000);
  assert.equal(sink.items, 1000);
  assert.equal(metric('sampling_trace_dropped_too_early'), 9000);
});

test('spans without a trace id are one trace', async () => {
  const { take, sent, processor, metric } = await started(ALL);
  take({ name: 'a' }, span(1, 'b'), { name: 'c' });
  await processor.shutdown();
  assert.deepEqual(sent(), ['a', 'c', 'b']);
  assert.equal(metric('new_trace_id_received'), 2);
});

test('tail_storage needs its feature gate, and an extension that nobody has', async () => {
  const made = (...featureGates: string[]) =>
    new TailSamplingProcessor(testSettings({ featureGates }), readYaml(config, 'tail_storage: x'), new SinkConsumer());
  const gate = 'processor.tailsamplingprocessor.tailstorageextension';
  assert.throws(() => made(), { message: new RegExp(`'tail_storage' requires the "${gate}" feature gate`) });
  await assert.rejects(async () => made(gate).start(new NopHost()), {
    message: "tail storage extension 'x' not found",
  });
});

test('a policy that is not available yet is refused when it would be used', async () => {
  const yaml = 'policies: [{name: o, type: ottl_condition, ottl_condition: {span: ["true"]}}]';
  const processor = new TailSamplingProcessor(testSettings(), readYaml(config, yaml), new SinkConsumer());
  await assert.rejects(async () => processor.start(new NopHost()), /ottl_condition are not available yet/);
  await processor.shutdown();
});
