import { bool, duration, float, type Infer, struct } from '../fields.ts';

/** `retry_on_failure` of exporters: exponential backoff with jitter. */
export const retry = struct(
  'configretry.BackOffConfig',
  'What to do when sending fails for now.',
  {
    enabled: bool('Whether to try again at all.', true),
    initial_interval: duration('Wait before the first retry.', '5s'),
    randomization_factor: float('Each wait is varied by up to this share of it, 0 to 1.', 0.5),
    multiplier: float('Each wait is this many times the one before.', 1.5),
    max_interval: duration('Longest wait.', '30s'),
    max_elapsed_time: duration('Data is given up after trying for this long; 0 means never.', '5m'),
  },
  {
    validate(value, path, report) {
      if (!value.enabled) return;
      const negative = (['initial_interval', 'multiplier', 'max_interval', 'max_elapsed_time'] as const).find(
        (key) => value[key] < 0,
      );
      if (negative !== undefined) report(path, `'${negative}' must be non-negative`);
      if (value.randomization_factor < 0 || value.randomization_factor > 1) {
        report(path, "'randomization_factor' must be within [0, 1]");
      }
      if (value.max_elapsed_time <= 0) return;
      for (const key of ['initial_interval', 'max_interval'] as const) {
        if (value.max_elapsed_time < value[key]) report(path, `'max_elapsed_time' must not be less than '${key}'`);
      }
    },
  },
);
export type RetryConfig = Infer<typeof retry>;
