import { duration, type Infer, struct, uint32 } from '../config/fields.ts';

/** When to refuse data: shared by the processor and the extension of this name. */
export const memoryLimits = struct(
  'memorylimiter.Config',
  'When to refuse data.',
  {
    check_interval: duration('Time between two measurements. Required; 1s suits most.'),
    limit_mib: uint32('Hard limit of the memory in use, in MiB. Goes before limit_percentage.'),
    spike_limit_mib: uint32(
      'Expected growth between measurements, in MiB. The soft limit is the hard limit less this; 0 means 20%.',
    ),
    limit_percentage: uint32('Hard limit in percent of the memory that the container or else the machine has.'),
    spike_limit_percentage: uint32('Expected growth between two measurements, in percent of the same memory.'),
    min_gc_interval_when_soft_limited: duration(
      'Least time between forced garbage collections above the soft limit, while data is not refused yet.',
      '10s',
    ),
    min_gc_interval_when_hard_limited: duration('Least time between forced garbage collections above the hard limit.'),
    max_gc_interval_when_soft_limited: duration(
      'After a long collection the next one waits up to this time above the soft limit.',
      '30s',
    ),
    max_gc_interval_when_hard_limited: duration(
      'After a long collection the next one waits up to this time above the hard limit.',
      '30s',
    ),
  },
  {
    ours: ['max_gc_interval_when_soft_limited', 'max_gc_interval_when_hard_limited'],
    validate(value, path, report) {
      const fault = faultOf(value);
      if (fault !== undefined) report(path, fault);
    },
  },
);
export type MemoryLimits = Infer<typeof memoryLimits>;

interface Limits {
  readonly check_interval: number;
  readonly limit_mib: number;
  readonly spike_limit_mib: number;
  readonly limit_percentage: number;
  readonly spike_limit_percentage: number;
  readonly min_gc_interval_when_soft_limited: number;
  readonly min_gc_interval_when_hard_limited: number;
}

function faultOf(value: Limits): string | undefined {
  if (value.check_interval <= 0) return "'check_interval' must be greater than zero";
  if (value.min_gc_interval_when_soft_limited < value.min_gc_interval_when_hard_limited) {
    return "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'";
  }
  if (value.limit_mib === 0 && value.limit_percentage === 0) {
    return "'limit_mib' or 'limit_percentage' must be greater than zero";
  }
  if (value.limit_percentage > 100 || value.spike_limit_percentage > 100) {
    const both = "'limit_percentage' and 'spike_limit_percentage'";
    return `${both} must be greater than zero and less than or equal to hundred`;
  }
  if (value.limit_mib > 0 && value.limit_mib <= value.spike_limit_mib) {
    return "'spike_limit_mib' must be smaller than 'limit_mib'";
  }
  if (value.limit_percentage > 0 && value.limit_percentage <= value.spike_limit_percentage) {
    return "'spike_limit_percentage' must be smaller than 'limit_percentage'";
  }
  return undefined;
}
