import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../../core/config/read.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { config } from '../config.ts';
import { TraceGrouper } from '../store/grouper.ts';
import { type JsonSpan, requestOf, walk } from '../testing/spans.ts';
import { probabilistic, thresholdOf } from './chance.ts';
import { compilePolicies } from './compile.ts';
import { Decision } from './policy.ts';
import { parseTraceState } from './trace-state.ts';
import { TraceView } from './trace-view.ts';

const SECOND = 1_000_000_000n;
const START = 1_700_000_000n * SECOND;
const clock = new FakeClock();

/** The policies of a configuration given as one line each. */
function compiled(...policies: string[]) {
  const yaml = `policies:\n${policies.map((line, i) => `  - {name: p${i}, ${line}}\n`).join('')}`;
  return compilePolicies(readYaml(config, yaml), clock).policies.map(({ policy }) => policy);
}

/** A view of the spans as one trace. */
function viewOf(spans: readonly JsonSpan[], resource: JsonSpan = {}): TraceView {
  const batch = requestOf(spans, resource);
  const groups = walk(batch);
  const grouper = new TraceGrouper(1, { sizes: true, roots: true });
  const view = new TraceView().open(Buffer.alloc(16), 0, spans.length, 0);
  while (groups.nextResource()) {
    grouper.read(groups);
    const run = Buffer.alloc(grouper.runLength(0));
    grouper.writeRun(0, run, 0);
    const resourceBytes = groups.buffer.subarray(groups.resourceStart, groups.resourceEnd);
    view.addChunk(run, 0, run.length, resourceBytes, grouper.collectorSize(0, resourceBytes.length));
  }
  return view;
}

function decides(policy: string, spans: readonly JsonSpan[], resource: JsonSpan = {}): boolean {
  return compiled(policy)[0]?.evaluate(viewOf(spans, resource)) === Decision.SAMPLED;
}

const lasting = (ms: number, from = 0): JsonSpan => ({
  startTimeUnixNano: String(START + BigInt(from) * 1_000_000n),
  endTimeUnixNano: String(START + BigInt(from + ms) * 1_000_000n),
});
const having = (key: string, value: object): JsonSpan => ({ attributes: [{ key, value }] });

test('latency: from the earliest start to the latest end, in whole milliseconds', () => {
  const policy = 'type: latency, latency: {threshold_ms: 100}';
  assert.equal(decides(policy, [lasting(100)]), true);
  assert.equal(decides(policy, [lasting(99)]), false);
  assert.equal(decides(policy, [lasting(10), lasting(10, 90)]), true);
  assert.equal(decides(policy, [lasting(10, 90), lasting(10)]), true);
  const nearly = { startTimeUnixNano: String(START), endTimeUnixNano: String(START + 99_999_999n) };
  assert.equal(decides(policy, [nearly]), false, 'rounded down');
  const backwards = { startTimeUnixNano: String(START + SECOND), endTimeUnixNano: String(START) };
  assert.equal(decides(policy, [backwards]), false, 'a span that ends before it starts');
  assert.equal(decides(policy, [{ endTimeUnixNano: String(START) }]), true, 'without a start it is as long as time');
  assert.equal(decides('type: latency', [lasting(0)]), true, 'a threshold of 0');
});

test('latency with an upper threshold leaves the lower one out', () => {
  const policy = 'type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 200}';
  for (const [ms, expected] of [
    [100, false],
    [101, true],
    [200, true],
    [201, false],
  ] as const) {
    assert.equal(decides(policy, [lasting(ms)]), expected, `${ms} ms`);
  }
  assert.equal(decides(policy, [lasting(150), lasting(500)]), true, 'it was short enough at some point');
});

test('attributes: of a resource or a span; other types read as zero', () => {
  const text = 'type: string_attribute, string_attribute: {key: k, values: [a, b, ""]';
  assert.equal(decides(`${text}}`, [having('k', { stringValue: 'b' })]), true);
  assert.equal(decides(`${text}}`, [{}], having('k', { stringValue: 'a' })), true);
  assert.equal(decides(`${text}}`, [having('k', { stringValue: 'ab' }), having('x', { stringValue: 'a' })]), false);
  assert.equal(decides(`${text}}`, [having('k', { stringValue: '' })]), false);
  assert.equal(decides(`${text}, invert_match: true}`, [{}, having('k', { stringValue: 'a' })]), false);
  assert.equal(decides(`${text}, invert_match: true}`, [{}]), true, 'nothing is no match');

  const number = 'type: numeric_attribute, numeric_attribute: {key: k, min_value: -5, max_value: 9';
  for (const [value, expected] of [
    ['9', true],
    ['10', false],
    ['-5', true],
    ['-6', false],
  ] as const) {
    assert.equal(decides(`${number}}`, [having('k', { intValue: value })]), expected, value);
  }
  assert.equal(decides(`${number}}`, [having('k', { doubleValue: 100 })]), true, 'a double reads as 0');
  assert.equal(decides(`${number}, invert_match: true}`, [having('k', { intValue: '7' })]), false);

  const bool = 'type: boolean_attribute, boolean_attribute: {key: k, value: false}';
  assert.equal(decides(bool, [having('k', { boolValue: false })]), true);
  assert.equal(decides(bool, [having('k', { boolValue: true })]), false);
  assert.equal(decides(bool, [having('k', { stringValue: 'x' })]), true, 'a string reads as false');
  assert.equal(decides(bool, [{}]), false);
});

test('regular expressions match anywhere, and remember few results', () => {
  const policy = (size: number) =>
    `type: string_attribute, string_attribute: {key: k, values: ["a+$", "^x"], enabled_regex_matching: true, cache_max_size: ${size}}`;
  for (const size of [0, 1]) {
    const [regexp] = compiled(policy(size));
    for (const [value, expected] of [
      ['ba', true],
      ['ab', false],
      ['xb', true],
      ['ba', true],
      ['ab', false],
    ] as const) {
      const view = viewOf([having('k', { stringValue: value })]);
      assert.equal(regexp?.evaluate(view) === Decision.SAMPLED, expected, value);
    }
  }
});

test('a numeric policy without limits fails, as it does in the collector', () => {
  const [policy] = compiled('type: numeric_attribute, numeric_attribute: {key: k}');
  assert.throws(() => policy?.evaluate(viewOf([{}])), /min_value or max_value/);
});

test('status, flags, trace state and number of spans', () => {
  const status = (code: number): JsonSpan => ({ status: { code } });
  assert.equal(decides('type: status_code, status_code: {status_codes: [ERROR, UNSET]}', [status(1)]), false);
  assert.equal(decides('type: status_code, status_code: {status_codes: [ERROR, UNSET]}', [status(1), {}]), true);
  assert.equal(decides('type: trace_flags', [{ flags: 0x301 }]), true);
  assert.equal(decides('type: trace_flags', [{ flags: 0x300 }]), false);
  const state = 'type: trace_state, trace_state: {key: k, values: [v, w]}';
  assert.equal(decides(state, [{ traceState: 'a=b, k=w ' }]), true);
  assert.equal(decides(state, [{ traceState: 'k=w,=' }]), false, 'a broken one has nothing');
  const count = (min: number, max: number) => `type: span_count, span_count: {min_spans: ${min}, max_spans: ${max}}`;
  assert.deepEqual(
    [decides(count(2, 0), [{}]), decides(count(2, 0), [{}, {}]), decides(count(1, 1), [{}, {}])],
    [false, true, false],
  );
});

test('trace states are held against the rules', () => {
  assert.deepEqual(
    [...(parseTraceState('a=1,,t@b=2, c=3 ') ?? [])],
    [
      ['a', '1'],
      ['t@b', '2'],
      ['c', '3'],
    ],
  );
  for (const broken of ['a', 'A=1', 'a=1,a=2', 'a=', `a=${'x'.repeat(257)}`, 'a=1=2', 'é=1', '@b=1']) {
    assert.equal(parseTraceState(broken), undefined, broken);
  }
  const many = Array.from({ length: 33 }, (_, i) => `k${i}=1`);
  assert.equal(parseTraceState(many.join()), undefined);
  assert.equal(parseTraceState(many.slice(1).join())?.size, 32);
});

test('the chosen share is the same as the collector chooses', () => {
  // recorded from the collector's arithmetic
  const thresholds: [number, bigint][] = [
    [0.01, 184467440737095519n],
    [0.1, 1844674407370955263n],
    [0.3, 5534023222112865279n],
    [0.999999, 18446725626965477375n],
    [1e-10, 1844674407n],
    [5e-324, 0n],
    [2, 2n ** 64n - 1n],
    [-1, 0n],
  ];
  for (const [ratio, threshold] of thresholds) assert.equal(thresholdOf(ratio), threshold, String(ratio));
  const id = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.concat([Buffer.from('salt'), id])) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  const share = (Number(hash) / 2 ** 64) * 100;
  const view = new TraceView().open(id, 0, 1, 0);
  for (const [percentage, expected] of [
    [share * 0.999, 2],
    [share * 1.001, 1],
  ] as const) {
    assert.equal(probabilistic({ hash_salt: 'salt', sampling_percentage: percentage }).evaluate(view), expected);
  }
});

test('rates: a bucket that starts full and fills with time', () => {
  const spans = (n: number) => viewOf(Array.from({ length: n }, () => ({})));
  const [policy] = compiled('type: rate_limiting, rate_limiting: {spans_per_second: 10}');
  const passes = (n: number) => policy?.evaluate(spans(n)) === Decision.SAMPLED;
  assert.deepEqual([passes(21), passes(15), passes(6), passes(5), passes(1)], [false, true, false, true, false]);
  clock.advance(100);
  assert.deepEqual([passes(2), passes(1), passes(1)], [false, true, false]);
  const [never] = compiled('type: rate_limiting, rate_limiting: {spans_per_second: 0}');
  assert.equal(never?.evaluate(spans(1)), Decision.NOT_SAMPLED);
});

test('bytes are counted as in the request that the collector would send', () => {
  const span = { traceId: `${'0'.repeat(31)}1`, spanId: `${'0'.repeat(15)}1`, name: 'n' };
  const view = viewOf([span]);
  const [fits, tooMuch] = compiled(
    `type: bytes_limiting, bytes_limiting: {bytes_per_second: 1, burst_capacity: ${view.requestBytes}}`,
    `type: bytes_limiting, bytes_limiting: {bytes_per_second: 1, burst_capacity: ${view.requestBytes - 1}}`,
  );
  assert.equal(view.requestBytes, 50, 'the size of ptrace.ProtoMarshaler for this span');
  assert.equal(fits?.evaluate(view), Decision.SAMPLED);
  assert.equal(tooMuch?.evaluate(view), Decision.NOT_SAMPLED);
});

test('and, not, drop: combinations of the others', () => {
  const error = 'type: status_code, status_code: {status_codes: [ERROR]}';
  const slow = 'type: latency, latency: {threshold_ms: 100}';
  const failed = { status: { code: 2 } };
  const both = `type: and, and: {and_sub_policy: [{name: a, ${error}}, {name: b, ${slow}}]}`;
  assert.equal(decides(both, [{ ...failed, ...lasting(100) }]), true);
  assert.equal(decides(both, [{ ...failed, ...lasting(1) }]), false);
  assert.equal(decides('type: and', [{}]), true, 'nothing speaks against it');
  assert.equal(decides(`type: not, not: {not_sub_policy: {name: a, ${error}}}`, [failed]), false);
  const notError = `type: and, and: {and_sub_policy: [{name: a, type: not, not: {not_sub_policy: {name: b, ${error}}}}]}`;
  assert.equal(decides(notError, [{}]), true);
  const [drop, sample] = compiled('type: always_sample', `type: drop, drop: {drop_sub_policy: [{name: a, ${error}}]}`);
  assert.equal(drop?.evaluate(viewOf([failed])), Decision.DROPPED, 'what drops is asked first');
  assert.equal(drop?.evaluate(viewOf([{}])), Decision.NOT_SAMPLED);
  assert.equal(sample?.evaluate(viewOf([failed])), Decision.SAMPLED);
});

test('composite: the first that samples decides, within its share of each second', () => {
  const [policy] = compiled(`type: composite, composite: {max_total_spans_per_second: 10, composite_sub_policy: [
    {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}, {name: rest, type: always_sample}],
    rate_allocation: [{policy: errors, percent: 50}]}`);
  const passes = (spans: readonly JsonSpan[]) => policy?.evaluate(viewOf(spans)) === Decision.SAMPLED;
  const failed = { status: { code: 2 } };
  assert.deepEqual([passes([failed, {}, {}]), passes([failed, {}, {}]), passes([failed, {}])], [true, false, true]);
  assert.equal(passes([{}]), false, 'who has no share gets nothing');
  clock.advance(1000);
  assert.equal(passes([failed]), true, 'a new second');
});

test('what cannot be is refused in the words of the collector', () => {
  const refused: [string, string][] = [
    ['type: sometimes', 'unknown sampling policy type sometimes'],
    ['type: not, not: {not_sub_policy: {name: a, type: and}}', 'unknown sampling policy type and'],
    ['type: and, and: {and_sub_policy: [{name: a, type: drop}]}', 'unknown sampling policy type drop'],
    ['type: status_code', 'expected at least one status code to filter on'],
    ['type: status_code, status_code: {status_codes: [ok]}', 'unknown status code "ok", supported: OK, ERROR, UNSET'],
    [
      'type: string_attribute, string_attribute: {key: k, values: ["("], enabled_regex_matching: true}',
      'invalid regex `(`: error parsing regexp: missing closing ): `(`',
    ],
    ['type: ottl_condition', 'expected at least one OTTL condition to filter on'],
  ];
  for (const [policy, message] of refused) {
    assert.throws(() => compiled(policy), { message: `failed to create policy evaluator for "p0": ${message}` });
  }
  const ottl = 'policies: [{name: a, type: ottl_condition, ottl_condition: {span: ["true"]}}]';
  const { unavailable } = compilePolicies(readYaml(config, ottl), clock);
  assert.match(unavailable ?? '', /ottl_condition are not available yet.*"true"/);
  assert.throws(() => compilePolicies(readYaml(config, 'policies: [{type: always_sample}]'), clock), {
    message: 'policy name cannot be empty',
  });
  const twice = 'policies: [{name: a, type: always_sample}, {name: a, type: always_sample}]';
  assert.throws(() => compilePolicies(readYaml(config, twice), clock), { message: 'duplicate policy name "a"' });
  const stateful = 'sampling_strategy: span-ingest\npolicies: [{name: a, type: rate_limiting}]';
  assert.throws(() => compilePolicies(readYaml(config, stateful), clock), {
    message: 'sampling_strategy "span-ingest" requires all policies to be stateless, but policy "a" is stateful',
  });
});
