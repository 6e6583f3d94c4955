import { bool, float, type Infer, int, oneOf, string, struct, uint32 } from '../../core/config/fields.ts';
import { fixedText, shortText } from '../../core/otlp/go-format.ts';
import { MAX_DIGITS, MIN_PROBABILITY } from '../../core/sampling/threshold.ts';

const MODES = ['', 'hash_seed', 'equalizing', 'proportional'] as const;

export const config = struct(
  'probabilisticsamplerprocessor.Config',
  'What share is kept, and where the randomness comes from.',
  {
    sampling_percentage: float('The share to keep; 100 and more keeps everything.'),
    hash_seed: uint32('Goes into the hash of mode hash_seed. Samplers in a row need different seeds.'),
    mode: oneOf(
      'hash_seed hashes the trace id; equalizing and proportional use its randomness and the thresholds of W3C ' +
        'tracestate, equalizing as an absolute rate, proportional on top of earlier sampling. Empty means hash_seed.',
      MODES,
      '',
      (found) => `unsupported sampler mode "${found}"`,
    ),
    fail_closed: bool('Whether items are dropped about which nothing can be decided; else they are kept.', true),
    sampling_precision: int('Hex digits of the threshold, 1 to 14.', 4),
    attribute_source: string('Logs: traceID, or record for from_attribute alone.', 'traceID'),
    from_attribute: string('Logs: the attribute to hash, where there is no trace id or with source record.'),
    sampling_priority: string('Logs: the attribute with a percentage that stands in place of the configured one.'),
  },
  {
    validate(value, path, report) {
      const percentage = Math.fround(value.sampling_percentage);
      const ratio = percentage / 100;
      if (!Number.isFinite(percentage)) report(path, `sampling rate is invalid: ${fixedText(percentage)}%`);
      else if (ratio < 0) report(path, `sampling rate is negative: ${fixedText(percentage)}%`);
      else if (ratio !== 0 && ratio < MIN_PROBABILITY) {
        report(path, `sampling rate is too small: ${shortText(value.sampling_percentage)}%`);
      }
      if (!['', 'traceID', 'record'].includes(value.attribute_source)) {
        report(path, `invalid attribute source: ${value.attribute_source}. Expected: traceID or record`);
      }
      if (value.sampling_precision === 0) report(path, 'invalid sampling precision: 0');
      else if (value.sampling_precision > MAX_DIGITS) {
        report(path, `sampling precision is too great, should be <= 14: ${value.sampling_precision}`);
      }
    },
  },
);
export type Config = Infer<typeof config>;
