import type { StateReader, StateWriter } from '../../core/stream/codec.ts';

/** What is expected of a series, or of it in one part of a period. */
export interface Baseline {
  /** Values that went into it. */
  samples: number;
  mean: number;
  variance: number;
}

export function newBaseline(): Baseline {
  return { samples: 0, mean: 0, variance: 0 };
}

/** More than `threshold` standard deviations from the mean. Of a constant series any other value is. */
export function isOff({ mean, variance }: Baseline, value: number, threshold: number): boolean {
  return Math.abs(value - mean) > threshold * Math.sqrt(variance);
}

/** The first value is the mean, with no variance; then both move by `alpha`. The variance uses the mean before. */
export function learn(baseline: Baseline, value: number, alpha: number): void {
  const { samples, mean, variance } = baseline;
  baseline.samples = samples + 1;
  if (samples === 0) baseline.mean = value;
  else {
    baseline.mean = alpha * value + (1 - alpha) * mean;
    baseline.variance = alpha * (value - mean) ** 2 + (1 - alpha) * variance;
  }
}

export function encodeBaseline({ samples, mean, variance }: Baseline, to: StateWriter): void {
  to.double(samples).double(mean).double(variance);
}

export function decodeBaseline(from: StateReader): Baseline {
  return { samples: from.double(), mean: from.double(), variance: from.double() };
}
