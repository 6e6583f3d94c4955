import type { Labels } from '../labels.ts';
import type { NativeHistogram } from '../native-histogram.ts';

/** Prometheus's names of the types of metrics. */
export type MetricKind =
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'gaugehistogram'
  | 'summary'
  | 'info'
  | 'stateset'
  | 'unknown';

/** The page is malformed: nothing of it counts. */
export class PageError extends Error {
  override readonly name = 'PageError';
}

export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number | undefined;
}

/**
 * One sample as it stands on the page. The object is used again for the next one, so nothing of it may be kept.
 * `buffer[start, end)` tells its series from all others of the same page; the same bytes mean the same labels.
 */
export interface Sample {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  readonly value: number;
  /** Milliseconds since the Unix epoch; NaN for none. */
  readonly timestamp: number;
  /** Instead of the value. */
  readonly histogram: NativeHistogram | undefined;
  readonly exemplars: readonly Exemplar[];
  /** When counting began, in milliseconds since the Unix epoch; 0 where the page does not say. */
  readonly startTimestamp: number;
  /** All labels, the name among them, sorted; throws a PageError for what is malformed. */
  labels(): Labels;
}

/** Takes what a page says, in order. What it throws ends the reading. */
export interface PageSink {
  type(family: string, type: MetricKind): void;
  help(family: string, text: string): void;
  unit(family: string, unit: string): void;
  sample(sample: Sample): void;
}

/** Reads a page piece by piece. Both calls throw a PageError, or what the sink throws. */
export interface PageReader {
  push(chunk: Buffer): void;
  /** The page has ended. */
  finish(): void;
}
