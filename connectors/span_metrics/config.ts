import { formatDuration } from '../../core/config/duration.ts';
import {
  bool,
  duration,
  type Infer,
  int,
  list,
  maybe,
  oneOf,
  optional,
  string,
  stringList,
  struct,
} from '../../core/config/fields.ts';
import { compileGlob } from '../../core/glob.ts';
import type { HistogramLayout } from '../../core/series/series-description.ts';

/** What every point has as attributes unless `exclude_dimensions` names it. */
const BUILT_IN = ['service.name', 'span.kind', 'status.code', 'span.name', 'collector.instance.id'] as const;

/** What separates the parts of attribute names, which a `*` in a glob does not go across. */
export const GLOB_SEPARATOR = '.';

const dimension = struct('spanmetricsconnector.Dimension', 'An attribute that becomes one of the points.', {
  name: string('The attribute: of the span, of the event for the events metric, else of the resource.'),
  default: maybe(string('The value where there is no such attribute. Without it the point has none either.')),
  glob: string('In place of a name: takes all attributes that match, `http.*`. `*` stops at dots, `**` does not.'),
});
export type Dimension = Infer<typeof dimension>;

const explicit = struct('spanmetricsconnector.ExplicitHistogramConfig', 'Buckets with fixed bounds.', {
  buckets: maybe(list('Upper bounds, ascending.', duration('A bound.'))),
});

const exponential = struct('spanmetricsconnector.ExponentialHistogramConfig', 'Buckets that adapt to the values.', {
  max_size: int('The most buckets of a point; 0 means 160.', 0, 'int32'),
});

const histogram = struct('spanmetricsconnector.HistogramConfig', 'The duration metric.', {
  disable: bool('Leaves the duration metric out.'),
  unit: maybe(oneOf('ms or s. Unless set, ms.', ['ms', 's'], 'ms', unknownUnit, { ignoreCase: true })),
  explicit: optional(explicit, { present: false, whenNull: 'off' }),
  exponential: optional(exponential, { present: false, whenNull: 'off' }),
  dimensions: list('Dimensions that only the duration metric has.', dimension),
});

const exemplars = struct('spanmetricsconnector.ExemplarsConfig', 'Points name some of the spans they count.', {
  enabled: bool('Turns exemplars on.'),
  max_per_data_point: int('The most exemplars of a point.', 5, 'int'),
});

const events = struct('spanmetricsconnector.EventsConfig', 'A metric that counts the events of spans.', {
  enabled: bool('Turns the events metric on.'),
  dimensions: list('Dimensions that only the events metric has; at least one.', dimension),
});

const DELTA = 'AGGREGATION_TEMPORALITY_DELTA';

export const config = struct(
  'spanmetricsconnector.Config',
  'What is measured of spans, and how it is told apart.',
  {
    histogram,
    dimensions: list('Attributes of all metrics, beside the built-in ones.', dimension),
    calls_dimensions: list('Dimensions that only the calls metric has.', dimension),
    exclude_dimensions: stringList(`Built-in attributes to leave out: ${BUILT_IN.join(', ')}.`),
    aggregation_temporality: string(
      `${DELTA} for values since the last flush; anything else is cumulative.`,
      'AGGREGATION_TEMPORALITY_CUMULATIVE',
    ),
    metrics_flush_interval: duration('How often metrics are sent on.', '60s'),
    flush_on_shutdown: bool('Sends on at shutdown what came in since the last flush.', true),
    metrics_expiration: duration('A resource without spans for so long is forgotten; 0 keeps all. Cumulative only.'),
    series_expiration: duration('A series without spans for so long is forgotten; 0 keeps all. Cumulative only.'),
    namespace: string('Comes before the names of the metrics, with a dot.', 'traces.span.metrics'),
    exemplars,
    events,
    aggregation_cardinality_limit: int(
      'The most series of a resource and metric; what is beyond is counted under otel.metric.overflow. 0: no limit.',
      0,
      'int',
    ),
    resource_metrics_cache_size: int(
      'The most resources; the one without spans the longest is forgotten.',
      1000,
      'int',
    ),
    resource_metrics_key_attributes: stringList('Only these resource attributes tell resources apart. Empty: all.'),
    include_instrumentation_scope: stringList('Scopes whose name and version become attributes of the points.'),
    metric_timestamp_cache_size: maybe(
      int('For so many series of delta metrics the last flush is known; 1000 unless set.', 0, 'int'),
    ),
    enable_metrics_sampling_method: bool('Adds sampling.method: extrapolated or counted.'),
    add_resource_attributes: bool('Keeps resource attributes where a feature gate takes them away.'),
    dimensions_cache_size: int('Without effect; take aggregation_cardinality_limit.', 0, 'int'),
  },
  {
    ours: ['flush_on_shutdown'],
    legacy: {
      histogram_buckets: { standard: 'histogram.explicit.buckets' },
      latency_histogram_buckets: { standard: 'histogram.explicit.buckets' },
      metrics_exporter: { standard: 'service::pipelines', convert: () => undefined },
    },
    validate(value, path, report) {
      const message = faultOf(value);
      if (message !== undefined) report(path, message);
    },
  },
);
export type Config = Infer<typeof config>;

/** Feature gates that change the attributes of points. */
export const STATUS_GATE = 'spanmetrics.statusCodeConvention.useOtelPrefix';
export const INSTANCE_GATE = 'connector.spanmetrics.includeCollectorInstanceID';
const SERIES_GATES = [STATUS_GATE, INSTANCE_GATE];

export const isDelta = (value: Config): boolean => value.aggregation_temporality === DELTA;

/** Of delta metrics, as many last flushes are remembered. */
const DEFAULT_TIMESTAMPS = 1000;
export const timestampCacheSize = (value: Config): number => value.metric_timestamp_cache_size ?? DEFAULT_TIMESTAMPS;

const NANOS_PER_MS = 1e6;
const NANOS_PER_S = 1e9;

/** In milliseconds. */
const DEFAULT_BOUNDS = [2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000];

/** How durations are counted. */
export interface DurationLayout extends HistogramLayout {
  /** Nanoseconds of the unit. */
  readonly nanos: number;
  readonly unit: 'ms' | 's';
}

export function durationLayout({ histogram }: Config, defaultUnit: 'ms' | 's'): DurationLayout {
  const unit = histogram.unit ?? defaultUnit;
  const nanos = unit === 'ms' ? NANOS_PER_MS : NANOS_PER_S;
  const maxSize = histogram.exponential?.max_size ?? 0;
  if (histogram.exponential !== undefined) {
    return { nanos, unit, bounds: undefined, maxSize };
  }
  const bounds =
    histogram.explicit === undefined
      ? DEFAULT_BOUNDS.map((ms) => (unit === 'ms' ? ms : ms / 1000))
      : (histogram.explicit.buckets ?? []).map((ms) => Math.round(ms * NANOS_PER_MS) / nanos);
  return { nanos, unit, bounds, maxSize };
}

/** What series and their numbers depend on: with another shape they cannot be counted on. */
export function shapeOf(
  config: Config,
  { bounds, maxSize, unit }: DurationLayout,
  gate: (id: string) => boolean,
): string {
  const { histogram, dimensions, calls_dimensions, exclude_dimensions, events } = config;
  return JSON.stringify([
    isDelta(config),
    histogram.disable ? [] : [unit, bounds, maxSize, histogram.dimensions],
    [dimensions, calls_dimensions, exclude_dimensions, events],
    [config.include_instrumentation_scope, config.enable_metrics_sampling_method],
    config.resource_metrics_key_attributes,
    SERIES_GATES.map(gate),
  ]);
}

function unknownUnit(found: string): string {
  return `unknown Unit ${JSON.stringify(found.toLowerCase())}, allowed units are "ms" and "s"`;
}

/** The first fault, as the collector finds them. */
function faultOf(value: Config): string | undefined {
  return dimensionFaults(value) ?? numberFaults(value);
}

function dimensionFaults(value: Config): string | undefined {
  const groups: readonly (readonly [string, readonly Dimension[]])[] = [
    ['dimensions', value.dimensions],
    ['calls dimensions', value.calls_dimensions],
    ['histogram dimensions', value.histogram.dimensions],
    ...(value.events.enabled ? [['event dimensions', value.events.dimensions] as const] : []),
  ];
  for (const [name, dimensions] of groups) {
    const fault = faultOfDimensions(dimensions);
    if (fault !== undefined) return `failed validating ${name}: ${fault}`;
    if (name === 'event dimensions' && dimensions.length === 0) {
      return `failed validating ${name}: no dimensions configured for events`;
    }
  }
  return undefined;
}

function faultOfDimensions(dimensions: readonly Dimension[]): string | undefined {
  const names = new Set<string>(BUILT_IN);
  const globs = new Map<string, (name: string) => boolean>();
  for (const { name, glob, default: fallback } of dimensions) {
    const quoted = JSON.stringify(name);
    if (name !== '' && glob !== '') {
      const both = `name=${quoted} glob=${JSON.stringify(glob)}`;
      return `dimension entry must set only one of \`name\` or \`glob\`, got both: ${both}`;
    }
    if (name === '' && glob === '') return 'dimension entry must set one of `name` or `glob`';
    if (names.has(name)) return `duplicate dimension name ${quoted}`;
    if (name !== '') names.add(name);
    else if (fallback !== undefined)
      return `\`default\` is not supported on \`glob\` dimension ${JSON.stringify(glob)}`;
    else {
      try {
        globs.set(glob, compileGlob(glob, GLOB_SEPARATOR));
      } catch (error) {
        return `invalid dimension glob ${JSON.stringify(glob)}: ${(error as Error).message}`;
      }
    }
  }
  for (const [glob, matches] of globs) {
    const name = [...names].find(matches);
    if (name === undefined) continue;
    return `duplicate dimension name ${JSON.stringify(name)} conflicting with glob ${JSON.stringify(glob)}`;
  }
  return undefined;
}

function numberFaults(value: Config): string | undefined {
  if (value.histogram.explicit !== undefined && value.histogram.exponential !== undefined) {
    return 'use either `explicit` or `exponential` buckets histogram';
  }
  // a ticker without an interval ends the process of the collector when it starts
  if (value.metrics_flush_interval <= 0) return notPositive('metrics_flush_interval', value.metrics_flush_interval);
  if (value.metrics_expiration < 0) return notPositive('metrics_expiration', value.metrics_expiration);
  if (value.series_expiration < 0) return notPositive('series_expiration', value.series_expiration);
  const timestamps = timestampCacheSize(value);
  if (isDelta(value) && timestamps <= 0) {
    return (
      `invalid delta timestamp cache size: ${timestamps}, ` +
      'the maximum number of the items in the cache should be positive'
    );
  }
  const limit = value.aggregation_cardinality_limit;
  if (limit < 0) return `invalid aggregation_cardinality_limit: ${limit}, the limit should be positive`;
  const most = value.exemplars.max_per_data_point;
  if (value.exemplars.enabled && most < 0) return `invalid max_per_data_point: ${most}, the value should be positive`;
  if (value.resource_metrics_cache_size <= 0) {
    return `invalid resource_metrics_cache_size: ${value.resource_metrics_cache_size}, must provide a positive size`;
  }
  return undefined;
}

function notPositive(key: string, ms: number): string {
  return `invalid ${key}: ${formatDuration(ms)}, the duration should be positive`;
}
