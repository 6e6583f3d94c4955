/** What is expected of a series, or of it in one part of a period. */
export interface Baseline {
  /** Values that went into it. */
  readonly samples: number;
  readonly mean: number;
  readonly variance: number;
}

export const NEW_BASELINE: Baseline = { samples: 0, mean: 0, variance: 0 };

/** A baseline is three numbers, so that those of a series are one list of numbers. */
const SIZE = 3;

/** Baselines as one list, which has no room for more, as there is one for each series. */
export function packBaselines(baselines: readonly Baseline[]): number[] {
  const list = new Array<number>(baselines.length * SIZE);
  for (const [i, { samples, mean, variance }] of baselines.entries()) {
    list[i * SIZE] = samples;
    list[i * SIZE + 1] = mean;
    list[i * SIZE + 2] = variance;
  }
  return list;
}

export function baselineAt(list: readonly number[], index: number): Baseline {
  const at = index * SIZE;
  return { samples: list[at] as number, mean: list[at + 1] as number, variance: list[at + 2] as number };
}

export function unpackBaselines(list: readonly number[]): Baseline[] {
  return Array.from({ length: list.length / SIZE }, (_, i) => baselineAt(list, i));
}

export function samplesAt(list: readonly number[], index: number): number {
  return list[index * SIZE] as number;
}

/** More than `threshold` standard deviations from the mean. Of a constant series any other value is. */
export function isOff(list: readonly number[], index: number, value: number, threshold: number): boolean {
  const at = index * SIZE;
  return Math.abs(value - (list[at + 1] as number)) > threshold * Math.sqrt(list[at + 2] as number);
}

/** The first value is the mean, with no variance; then both move by `alpha`. The variance uses the mean before. */
export function learn(list: number[], index: number, value: number, alpha: number): void {
  const at = index * SIZE;
  const samples = list[at] as number;
  list[at] = samples + 1;
  if (samples === 0) {
    list[at + 1] = value;
    return;
  }
  const mean = list[at + 1] as number;
  const variance = alpha * (value - mean) ** 2 + (1 - alpha) * (list[at + 2] as number);
  list[at + 1] = alpha * value + (1 - alpha) * mean;
  // an infinite one would never become less
  list[at + 2] = Math.min(variance, Number.MAX_VALUE);
}
