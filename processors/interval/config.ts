import { bool, duration, type Infer, struct } from '../../core/config/fields.ts';

const passThrough = struct('intervalprocessor.PassThrough', 'What is handed on at once instead.', {
  gauge: bool('Gauges.'),
  summary: bool('Summaries.'),
});

export const config = struct(
  'intervalprocessor.Config',
  'How often points are handed on, and which are not held back.',
  {
    interval: duration('Time between two batches.', '60s'),
    pass_through: passThrough,
  },
  {
    validate(value, path, report) {
      if (value.interval <= 0) report(path, 'invalid interval value');
    },
  },
);
export type Config = Infer<typeof config>;
