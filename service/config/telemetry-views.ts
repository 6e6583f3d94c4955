import {
  any,
  bool,
  float,
  int,
  list,
  mapOf,
  maybe,
  optional,
  string,
  stringList,
  struct,
} from '../../core/config/fields.ts';

const section = { present: false, enabledKey: false } as const;
/** A section whose mention says everything. */
const mention = (doc: string) => maybe(mapOf(doc, any('Nothing.')));

const aggregation = struct('config.ViewStreamAggregation', 'How measurements become points.', {
  default: mention('As the instrument says.'),
  drop: mention('Not at all.'),
  sum: mention('Added up.'),
  last_value: mention('The last one.'),
  explicit_bucket_histogram: optional(
    struct('config.ViewStreamAggregationExplicitBucketHistogram', 'Counted in buckets.', {
      boundaries: list('Where buckets end.', float('A boundary.')),
      record_min_max: maybe(bool('Whether the least and the largest are kept.')),
    }),
    section,
  ),
  base2_exponential_bucket_histogram: optional(
    struct('config.ViewStreamAggregationBase2ExponentialBucketHistogram', 'Counted in buckets that grow.', {
      max_scale: maybe(int('The finest scale.', 0, 'int')),
      max_size: maybe(int('The most buckets.', 0, 'int')),
      record_min_max: maybe(bool('Whether the least and the largest are kept.')),
    }),
    section,
  ),
});

/** One of `service::telemetry::metrics::views`. */
export const view = struct('config.View', 'Changes a metric on its way out.', {
  selector: optional(
    struct('config.ViewSelector', 'Which instruments.', {
      instrument_name: string('Name; * and ? are wildcards.'),
      instrument_type: string('counter, histogram, observable_counter …'),
      meter_name: string('Name of the scope.'),
      meter_schema_url: string('Schema of the scope.'),
      meter_version: string('Version of the scope.'),
      unit: string('Unit.'),
    }),
    section,
  ),
  stream: optional(
    struct('config.ViewStream', 'What becomes of them.', {
      name: string('Another name.'),
      description: string('Another description.'),
      aggregation: optional(aggregation, section),
      attribute_keys: optional(
        struct('config.IncludeExclude', 'Which attributes stay.', {
          included: stringList('Names.'),
          excluded: stringList('Names that go.'),
        }),
        section,
      ),
    }),
    section,
  ),
});
