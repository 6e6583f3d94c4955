import { duration, type Infer, struct } from '../fields.ts';

/** `timeout` of exporters. */
export const timeout = struct(
  'exporterhelper.TimeoutConfig',
  'Time limit of each attempt to send.',
  { timeout: duration('Time limit of each attempt to send; 0 means no limit.', '5s') },
  {
    validate(value, path, report) {
      if (value.timeout < 0) report(path, "'timeout' must be non-negative");
    },
  },
);
export type TimeoutConfig = Infer<typeof timeout>;
