import { duration, type Infer, oneOf, stringList, struct } from '../../core/config/fields.ts';
import { maxState, stream, streamFaults } from '../../core/stream/config.ts';

export const config = struct(
  'dedup.Config',
  'Which records are alike, and for how long.',
  {
    type: oneOf(
      'tumbling: windows of one size, one after the other; session: until there is nothing alike for a gap.',
      ['tumbling', 'session'],
      'tumbling',
    ),
    size: duration('How long a tumbling window is.', '1m'),
    gap: duration('A session ends after so long without a record. Required for sessions.'),
    offset: duration('Windows begin so much after multiples of their size since 1970.'),
    allowed_lateness: duration('For so long after its end a window takes late records and is sent again, whole.'),
    key: stringList('What makes records alike: fields as in the window connector.', ['alert.type']),
    keep: oneOf(
      'The record that stands for all: first or last by arrival, earliest or latest by event time.',
      ['first', 'last', 'earliest', 'latest'],
      'first',
    ),
    max_state_mib: maxState,
  },
  {
    embed: [stream],
    validate(value, path, report) {
      if (value.type === 'session' && value.gap < 1) report(`${path}::gap`, 'must be at least 1ms for sessions');
      if (value.type === 'tumbling') {
        if (value.size < 1) report(`${path}::size`, 'must be at least 1ms');
        else if (Math.abs(value.offset) >= value.size) report(`${path}::offset`, 'must be smaller than size');
      }
      for (const key of ['size', 'gap', 'offset'] as const) {
        if (!Number.isInteger(value[key])) report(`${path}::${key}`, 'must be whole milliseconds');
      }
      if (value.allowed_lateness < 0) report(`${path}::allowed_lateness`, 'must not be negative');
      if (value.key.length === 0) report(`${path}::key`, 'must name at least one field');
      if (value.max_state_mib < 1) report(`${path}::max_state_mib`, 'must be at least 1');
      for (const [key, message] of streamFaults(value)) report(`${path}::${key}`, message);
    },
  },
);
export type Config = Infer<typeof config>;
