import { duration, type Infer, oneOf, string, stringList, struct } from '../../core/config/fields.ts';
import { maxState, stream, streamFaults } from '../../core/stream/config.ts';

export const STATISTICS = ['count', 'sum', 'avg', 'min', 'max', 'p50', 'p75', 'p90', 'p95', 'p99', 'rate'] as const;
export type Statistic = (typeof STATISTICS)[number];

/**
 * An event may be in so many windows at once, and a window consist of as many slices: more are a slip of the pen, and
 * each firing puts all of them together.
 */
const MOST_OVERLAPS = 1_000;

export const config = struct(
  'window.Config',
  'Which windows there are, what of, and what is said about each.',
  {
    type: oneOf('tumbling, sliding or session.', ['tumbling', 'sliding', 'session'], 'tumbling'),
    size: duration('How long a tumbling or sliding window is.', '1m'),
    slide: duration('A sliding window begins so often. Required for them.'),
    gap: duration('A session ends after so long without events. Required for sessions.'),
    offset: duration('Windows begin so much after multiples of their size, or slide, since 1970.'),
    allowed_lateness: duration('For so long after its end a window takes late events and is sent again, whole.'),
    key: stringList(
      'What tells series apart: resource.KEY, attributes.KEY, metric.name, metric.unit, event.name, severity_text, ' +
        'span.name, trace_id, or an attribute of the item, else of the resource. Unless set resource.service.name, ' +
        'and of metrics metric.name too.',
    ),
    value: string(
      'The attribute whose number is aggregated, of log records and spans. Unless set, records count as 1 each, and ' +
        'spans as their duration in milliseconds.',
    ),
    distinct: string('Counts the different values of this field too, as NAME.distinct; 1.6 % error beyond 128.'),
    statistics: stringList(`Of ${STATISTICS.join(', ')}.`, ['count', 'sum', 'avg', 'min', 'max', 'p95', 'p99']),
    output: oneOf(
      'summary: one point with count, sum and quantiles, of which 0 is the least value and 1 the greatest; gauges: a ' +
        'metric for each statistic, NAME.avg.',
      ['summary', 'gauges'],
      'summary',
    ),
    metric_name: string(
      'What results are called; {metric.name} stands for the name that came in. Unless set {metric.name}.window, ' +
        'event.window and span.duration.window.',
    ),
    max_state_mib: maxState,
  },
  {
    embed: [stream],
    validate(value, path, report) {
      for (const [key, message] of faultsOf(value)) report(`${path}::${key}`, message);
    },
  },
);
export type Config = Infer<typeof config>;

function* faultsOf(value: Config): Iterable<[key: string, message: string]> {
  const { type, size, slide, gap, offset } = value;
  if (value.allowed_lateness < 0) yield ['allowed_lateness', 'must not be negative'];
  if (type === 'session') {
    if (gap < 1) yield ['gap', 'must be at least 1ms for sessions'];
  } else {
    const step = type === 'sliding' ? slide : size;
    if (size < 1) yield ['size', 'must be at least 1ms'];
    if (type === 'sliding' && slide < 1) yield ['slide', 'must be at least 1ms for sliding windows'];
    else if (step > 0 && Math.abs(offset) >= step)
      yield ['offset', `must be smaller than the ${step} ms between windows`];
    else if (size / step > MOST_OVERLAPS) yield ['slide', `an event would be in more than ${MOST_OVERLAPS} windows`];
  }
  for (const [key, time] of [
    ['size', size],
    ['slide', slide],
    ['gap', gap],
    ['offset', offset],
  ] as const) {
    if (!Number.isInteger(time)) yield [key, 'must be whole milliseconds'];
  }
  yield* streamFaults(value);
  if (value.max_state_mib < 1) yield ['max_state_mib', 'must be at least 1'];
  for (const statistic of value.statistics) {
    if (!(STATISTICS as readonly string[]).includes(statistic)) {
      yield ['statistics', `unknown statistic "${statistic}", there are ${STATISTICS.join(', ')}`];
    }
  }
}
