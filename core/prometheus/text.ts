/**
 * Prometheus text exposition format 0.0.4.
 *
 *   # HELP name text          escapes \\ and \n
 *   # TYPE name counter|gauge|histogram|summary|untyped
 *   name{label="value",…} value [milliseconds]      label values escape \\, \n and "
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export const TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

/** Names must be valid (names.ts) and unique in one list; they are written in the order given. */
export type TextLabels = readonly (readonly [name: string, value: string])[];

export interface HistogramSample {
  /** Ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** How many values fell into each bucket, not cumulative; one more than bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Collects the lines of one page. The samples of a family must follow its `family` call without interruption. */
export class TextWriter {
  #text = '';

  family(name: string, type: MetricType, help: string): void {
    if (help !== '') this.#text += `# HELP ${name} ${escapeHelp(help)}\n`;
    this.#text += `# TYPE ${name} ${type}\n`;
  }

  sample(name: string, labels: TextLabels, value: number, timestampMs?: number): void {
    this.#line(name, formatLabels(labels), formatValue(value), timestampMs);
  }

  /** The `_bucket`, `_sum` and `_count` lines of one series. */
  histogram(name: string, labels: TextLabels, sample: HistogramSample, timestampMs?: number): void {
    let cumulative = 0;
    for (let i = 0; i <= sample.bounds.length; i++) {
      cumulative += sample.counts[i] ?? 0;
      const bound = sample.bounds[i];
      const le = bound === undefined ? '+Inf' : formatValue(bound);
      this.#line(`${name}_bucket`, formatLabels([...labels, ['le', le]]), formatValue(cumulative), timestampMs);
    }
    const text = formatLabels(labels);
    this.#line(`${name}_sum`, text, formatValue(sample.sum), timestampMs);
    this.#line(`${name}_count`, text, formatValue(cumulative), timestampMs);
  }

  #line(name: string, labels: string, value: string, timestampMs: number | undefined): void {
    this.#text +=
      timestampMs === undefined ? `${name}${labels} ${value}\n` : `${name}${labels} ${value} ${timestampMs}\n`;
  }

  toString(): string {
    return this.#text;
  }
}

function formatLabels(labels: TextLabels): string {
  if (labels.length === 0) return '';
  let text = '{';
  for (const [name, value] of labels) {
    text += `${text.length === 1 ? '' : ','}${name}="${escapeLabel(value)}"`;
  }
  return `${text}}`;
}

/** Go's `strconv.FormatFloat(v, 'g', -1, 64)`: shortest digits, an exponent below 1e-04 and from 1e+06 on. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  // in this range JavaScript writes plain digits as well
  if (size === 0) return '0';
  if (size >= 1e-4 && size < 1e6) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

/** Backslashes and line ends. */
export function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'));
}

/** Quotes too. */
export function escapeLabel(text: string): string {
  return ESCAPED.test(text) ? text.replace(/[\\\n"]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)) : text;
}

const ESCAPED = /[\\\n"]/;
