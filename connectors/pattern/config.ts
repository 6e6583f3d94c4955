import {
  any,
  bool,
  duration,
  type Infer,
  int,
  list,
  mapOf,
  maybe,
  oneOf,
  optional,
  string,
  stringList,
  struct,
} from '../../core/config/fields.ts';
import { SEVERITIES, type Severity } from '../../core/stream/alert.ts';
import { stream, streamFaults } from '../../core/stream/config.ts';
import { compilePattern, FieldNames } from './compile.ts';

const WHERE = '{field, op, value} with op ==, !=, >, >=, <, <=, in, matches or exists, or {all}, {any}, {not} of such.';

const quantifier = struct('pattern.Quantifier', 'How often a step is taken; without: once. Names as in Flink CEP.', {
  times: any('So many times: a number or a range such as [2, 4].'),
  timesOrMore: maybe(int('At least so many times.', 0, 'int')),
  oneOrMore: bool('At least once.'),
  optional: bool('May be left out.'),
  greedy: bool('Takes as many as there are, before the next step gets any.'),
  consecutive: bool('No other events in between.'),
  allowCombinations: bool('Every selection of fitting events counts, not only those next to each other.'),
});

const within = {
  within: maybe(duration('How long it may take, exclusive.')),
  within_type: oneOf(
    'first_last: from the first event of the match; previous_current: from the event before to the one of this step.',
    ['first_last', 'previous_current'],
    'first_last',
  ),
};

const step = struct('pattern.Step', 'A step of a pattern.', {
  name: string('Its name, for results and templates.'),
  contiguity: oneOf(
    'How it comes after the step before: begin is the first step; next: the very next event of the key; followedBy: ' +
      'others may come in between; followedByAny: also others that fit; notNext and notFollowedBy: must not come.',
    ['begin', 'next', 'followedBy', 'followedByAny', 'notNext', 'notFollowedBy'],
    'followedBy',
  ),
  where: any(`Which events fit: ${WHERE} Without: all.`),
  quantifier: optional(quantifier, { present: false }),
  until: any('Ends a loop (timesOrMore, oneOrMore) before an event that fits; as where.'),
  ...within,
});

const alert = struct('pattern.Alert', 'The log record that a match becomes.', {
  type: string('Its alert.type. Without: the name of the pattern in capitals.'),
  severity: oneOf('How bad it is.', Object.keys(SEVERITIES) as Severity[], 'MEDIUM'),
  message: string('One sentence, with {{key}}, {{count}}, {{steps.NAME.count}}, {{first.FIELD}} and the like.'),
  attributes: mapOf('More attributes.', string('The value, with the same placeholders.')),
});

const pattern = struct('pattern.Pattern', 'A pattern.', {
  key: stringList('Fields that tell apart what belongs together; events without them do not count. Empty: all do.'),
  steps: list('The steps.', step),
  ...within,
  after_match_skip: any(
    'What a match ends of what began before: noSkip, skipToNext, skipPastLastEvent, {skipToFirst: STEP} or ' +
      '{skipToLast: STEP}. Without: noSkip.',
  ),
  event_id: string('The field that names an event in alert.evidence; else its span or trace.', 'event.id'),
  alert: optional(alert, { present: true }),
  timeout_alert: optional(alert, { present: false }),
});
export type PatternConfig = Infer<typeof pattern>;
export type StepConfig = Infer<typeof step>;
export type AlertConfig = Infer<typeof alert>;

export const config = struct(
  'pattern.Config',
  'Patterns in events, with the semantics of Flink CEP.',
  {
    patterns: mapOf('The patterns by name.', pattern),
    max_partial_matches: int(
      'Partial matches of a key; beyond it those that began first are given up and counted.',
      1_000,
      'int',
    ),
    max_buffered_events: int('Events in the partial matches of a key; beyond it as above.', 10_000, 'int'),
    max_waiting_events: int(
      'Events of a partition that wait for event time; beyond it the earliest no longer wait.',
      1_000_000,
      'int',
    ),
  },
  {
    embed: [stream],
    validate(value, path, report) {
      const names = Object.keys(value.patterns);
      if (names.length === 0) report(`${path}::patterns`, 'at least one pattern is needed');
      for (const name of names) {
        try {
          compilePattern(name, value.patterns[name] as PatternConfig, new FieldNames());
        } catch (error) {
          report(`${path}::patterns::${name}`, (error as Error).message);
        }
      }
      for (const [key, message] of streamFaults(value)) report(`${path}::${key}`, message);
      for (const key of ['max_partial_matches', 'max_buffered_events', 'max_waiting_events'] as const) {
        if (value[key] < 1) report(`${path}::${key}`, 'must be at least 1');
      }
    },
  },
);
export type Config = Infer<typeof config>;
