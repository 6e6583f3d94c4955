import { duration, type Infer, struct } from '../../../core/config/fields.ts';

export const config = struct(
  'items_log.Config',
  'How often it is logged.',
  { every: duration('One line in the log for each interval in which something passed.', '10s') },
  {
    validate(value, path, report) {
      if (value.every <= 0) report(path, 'every must be positive');
    },
  },
);
export type Config = Infer<typeof config>;
