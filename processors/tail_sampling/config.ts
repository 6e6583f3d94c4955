import {
  any,
  bool,
  componentId,
  duration,
  float,
  type Infer,
  int,
  list,
  mapOf,
  oneOf,
  string,
  stringList,
  struct,
  uint64,
} from '../../core/config/fields.ts';

/** Go names the configuration types of the collector, which its messages mention. */
const PACKAGE = 'tailsamplingprocessor';
const MAX_SHARDS = 256;

const ottlCondition = struct(
  `${PACKAGE}.OTTLConditionCfg`,
  'Not available yet. Samples a trace with a span or event for which a condition holds.',
  {
    error_mode: oneOf(
      'What a condition that fails does.',
      ['', 'ignore', 'silent', 'propagate'],
      '',
      (found) => `unknown error mode ${found.toLowerCase()}`,
      { ignoreCase: true },
    ),
    span: stringList('Conditions on spans.'),
    spanevent: stringList('Conditions on events.'),
  },
);

/** What every policy has, wherever it stands. */
const simpleFields = {
  name: string('Names the policy in metrics; not empty and not used twice.'),
  type: string('What decides; the section of the same name has its settings.'),
  latency: struct(`${PACKAGE}.LatencyCfg`, 'Samples by the time from the first start to the last end.', {
    threshold_ms: int('At least so many milliseconds; with an upper threshold, more than that.'),
    upper_threshold_ms: int('At most so many milliseconds; 0 means no limit.'),
  }),
  numeric_attribute: struct(`${PACKAGE}.NumericAttributeCfg`, 'Samples by an integer of a resource or span.', {
    key: string('The attribute.'),
    min_value: int('Smallest value that matches; 0 means no limit.'),
    max_value: int('Largest value that matches; 0 means no limit.'),
    invert_match: bool('Samples where nothing matches.'),
  }),
  probabilistic: struct(`${PACKAGE}.ProbabilisticCfg`, 'Samples a share of the traces, chosen by their id.', {
    hash_salt: string('Collectors with the same salt choose the same traces.'),
    sampling_percentage: float('How many of a hundred.'),
  }),
  status_code: struct(`${PACKAGE}.StatusCodeCfg`, 'Samples by the status of any span.', {
    status_codes: stringList('Any of OK, ERROR and UNSET.'),
  }),
  string_attribute: struct(`${PACKAGE}.StringAttributeCfg`, 'Samples by a string of a resource or span.', {
    key: string('The attribute.'),
    values: stringList('Values, or regular expressions, of which one has to match.'),
    enabled_regex_matching: bool('The values are regular expressions (RE2), which may match anywhere.'),
    cache_max_size: int('Values whose result is remembered; 0 means 128.'),
    invert_match: bool('Samples where nothing matches.'),
  }),
  rate_limiting: struct(`${PACKAGE}.RateLimitingCfg`, 'Samples while there is room for the spans.', {
    spans_per_second: int('Spans that are let through a second.'),
    burst_capacity: int('Spans that may pass at once; larger traces never do. 0 means twice the rate.'),
  }),
  bytes_limiting: struct(`${PACKAGE}.BytesLimitingCfg`, 'Samples while there is room for the bytes.', {
    bytes_per_second: int('Bytes that are let through a second.'),
    burst_capacity: int('Bytes that may pass at once; larger traces never do. 0 means twice the rate.'),
  }),
  span_count: struct(`${PACKAGE}.SpanCountCfg`, 'Samples by the number of spans.', {
    min_spans: int('At least so many.'),
    max_spans: int('At most so many; 0 means no limit.'),
  }),
  trace_state: struct(`${PACKAGE}.TraceStateCfg`, 'Samples by a member of the W3C trace state of any span.', {
    key: string('The key of the member.'),
    values: stringList('Its values that match.'),
  }),
  boolean_attribute: struct(`${PACKAGE}.BooleanAttributeCfg`, 'Samples by a boolean of a resource or span.', {
    key: string('The attribute.'),
    value: bool('The value that matches.'),
    invert_match: bool('Samples where nothing matches.'),
  }),
  ottl_condition: ottlCondition,
} as const;

/** Policies in policies: settings of those that extensions bring, by the id of the extension, are further keys. */
const inner = { others: mapOf('', any('')), describedElsewhere: true } as const;

const notSubPolicy = struct(
  `${PACKAGE}.NotSubPolicyCfg`,
  'A policy with keys as above, of a type that holds no others.',
  simpleFields,
  inner,
);
const not = struct(`${PACKAGE}.NotCfg`, 'Samples what the policy in it does not.', { not_sub_policy: notSubPolicy });
const andSubPolicy = struct(
  `${PACKAGE}.AndSubPolicyCfg`,
  'A policy of any type that holds no others, or `not`.',
  { ...simpleFields, not },
  inner,
);
const and = struct(`${PACKAGE}.AndCfg`, 'Samples what all policies in it sample.', {
  and_sub_policy: list('Policies with keys as above; `not` may be one of them.', andSubPolicy),
});
const drop = struct(`${PACKAGE}.DropCfg`, 'What all policies in it sample is dropped, whatever others say.', {
  drop_sub_policy: list('Policies with keys as above; `not` may be one of them.', andSubPolicy),
});
const compositeSubPolicy = struct(
  `${PACKAGE}.CompositeSubPolicyCfg`,
  'A policy of any type that holds no others, or `and`.',
  { ...simpleFields, and },
  inner,
);
const composite = struct(`${PACKAGE}.CompositeCfg`, 'Shares a rate of spans among the policies in it.', {
  max_total_spans_per_second: int('The rate that is shared.'),
  policy_order: stringList('Has no effect, as in the collector: the order is that of the policies.'),
  composite_sub_policy: list(
    'Policies with keys as above; `and` may be one. The first that samples a trace decides.',
    compositeSubPolicy,
  ),
  rate_allocation: list(
    'Who gets how much; a policy that is not named gets nothing.',
    struct(`${PACKAGE}.RateAllocationCfg`, 'A share.', {
      policy: string('Name of the policy.'),
      percent: int('Percent of the rate; 0 means an equal share.'),
    }),
  ),
});
const policy = struct(
  `${PACKAGE}.PolicyCfg`,
  'A policy.',
  { ...simpleFields, composite, and, not, drop },
  { others: inner.others },
);
export type PolicyConfig = Infer<typeof policy>;

export const config = struct(
  `${PACKAGE}.Config`,
  'How long spans are collected, how many traces are kept, and which of them are sampled.',
  {
    decision_wait: duration('From the first span of a trace to its decision; whole seconds, at least one.', '30s'),
    decision_wait_after_root_received: duration('Shorter wait from the root span on; 0 means none.'),
    num_traces: uint64('Traces in memory, decided ones included; beyond them the oldest go.', 50000),
    block_on_overflow: bool('Lets senders wait for room instead of giving up the oldest traces.'),
    expected_new_traces_per_sec: uint64('Has no effect: memory grows as needed.'),
    policies: list('A trace is sampled if one of them samples it and none drops it.', policy),
    decision_cache: struct(`${PACKAGE}.DecisionCacheConfig`, 'Decisions that outlast their traces, for late spans.', {
      sampled_cache_size: int('Ids of sampled traces; 0 means none.'),
      non_sampled_cache_size: int('Ids of other traces; 0 means none.'),
    }),
    tail_storage: componentId('Needs a feature gate, and an extension of a kind that there is none of.'),
    sample_on_first_match: bool('Stops at the first policy that samples.'),
    sampling_strategy: string(
      'When policies are asked: `trace-complete` after the wait, `span-ingest` for each chunk of spans.',
      'trace-complete',
    ),
    drop_pending_traces_on_shutdown: bool('Drops what is undecided at the end instead of deciding at once.'),
    maximum_trace_size_bytes: uint64('Larger traces are dropped at once; 0 means no limit.'),
    num_shards: uint64('Has no effect: one shard does it. At most 256.', 1),
    maximum_pending_bytes: uint64('Memory for undecided traces; beyond it the oldest go. 0 means no limit.'),
    decide_early: bool('Samples or drops a trace as soon as no further span can change that.'),
    storage: componentId('Extension that keeps undecided traces and decisions over a restart.'),
  },
  {
    ours: ['num_shards', 'maximum_pending_bytes', 'decide_early', 'storage'],
    validate(value, path, report) {
      const strategy = value.sampling_strategy;
      if (strategy !== 'trace-complete' && strategy !== 'span-ingest') {
        const quoted = JSON.stringify(strategy);
        report(path, `invalid sampling_strategy ${quoted}, expected one of "trace-complete" or "span-ingest"`);
      }
      if (value.num_shards > MAX_SHARDS) report(path, `num_shards must be at most ${MAX_SHARDS}`);
    },
  },
);
export type Config = Infer<typeof config>;
