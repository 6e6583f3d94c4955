import type { BucketsSample, Family, PageExemplar, Sample, SummarySample } from './families.ts';
import { escapeName, isLegacyName, type NameEscaping } from './names.ts';
import { escapeHelp, escapeLabel, formatValue, type TextLabels } from './text.ts';

/**
 * A page in the text format 0.0.4 or in OpenMetrics 1.0.
 * Sources: https://prometheus.io/docs/instrumenting/exposition_formats/
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 *
 * Names that not every scraper knows stand in quotes inside the braces. OpenMetrics has exemplars, `.0` after whole
 * floating point numbers and seconds as timestamps; its families of counters are named without `_total`, and a counter
 * without that ending has the type unknown.
 */
export function textPage(families: readonly Family[], escaping: NameEscaping): string {
  return new Page(escaping, false).of(families);
}

export function openMetricsPage(families: readonly Family[], escaping: NameEscaping): string {
  return `${new Page(escaping, true).of(families)}# EOF\n`;
}

class Page {
  readonly #escaping: NameEscaping;
  readonly #open: boolean;
  #text = '';

  constructor(escaping: NameEscaping, openMetrics: boolean) {
    this.#escaping = escaping;
    this.#open = openMetrics;
  }

  of(families: readonly Family[]): string {
    for (const family of families) this.#family(family);
    return this.#text;
  }

  #family(family: Family): void {
    const name = escapeName(family.name, this.#escaping);
    const total = name.endsWith('_total');
    const title = quoteName(this.#open && family.type === 'counter' && total ? name.slice(0, -'_total'.length) : name);
    const help = this.#open ? escapeLabel(family.help) : escapeHelp(family.help);
    this.#text += `# HELP ${title} ${help}\n# TYPE ${title} ${this.#type(family.type, total)}\n`;
    if (family.type === 'histogram') for (const sample of family.samples) this.#buckets(name, sample);
    else if (family.type === 'summary') for (const sample of family.samples) this.#summary(name, sample);
    else {
      for (const sample of family.samples) {
        this.#line(name, sample, '', this.#number(sample.value), sample.exemplar);
      }
    }
  }

  #type(type: Family['type'], total: boolean): string {
    if (!this.#open) return type;
    return type === 'untyped' || (type === 'counter' && !total) ? 'unknown' : type;
  }

  #summary(name: string, sample: SummarySample): void {
    for (const [quantile, value] of sample.quantiles) {
      this.#line(name, sample, `quantile="${this.#number(quantile)}"`, this.#number(value));
    }
    this.#line(`${name}_sum`, sample, '', this.#number(sample.sum));
    this.#line(`${name}_count`, sample, '', this.#count(sample.count));
  }

  #buckets(name: string, sample: BucketsSample): void {
    const bucket = `${name}_bucket`;
    for (const { upperBound, cumulative, exemplar } of sample.buckets) {
      this.#line(bucket, sample, `le="${this.#number(upperBound)}"`, this.#count(cumulative), exemplar);
    }
    if (sample.buckets.at(-1)?.upperBound !== Infinity) {
      this.#line(bucket, sample, 'le="+Inf"', this.#count(sample.count));
    }
    this.#line(`${name}_sum`, sample, '', this.#number(sample.sum));
    this.#line(`${name}_count`, sample, '', this.#count(sample.count));
  }

  #line(name: string, sample: Sample, extra: string, value: string, exemplar?: PageExemplar): void {
    const { timestampMs } = sample;
    const legacy = isLegacyName(name);
    const braces = this.#braces(legacy ? '' : quoteName(name), sample.labels, extra);
    this.#text += `${legacy ? name : ''}${braces} ${value}`;
    if (timestampMs !== undefined) this.#text += ` ${this.#open ? this.#number(timestampMs / 1000) : timestampMs}`;
    if (this.#open && exemplar !== undefined && exemplar.labels.length > 0) {
      const { labels, timeNanos } = exemplar;
      const seconds = this.#number(Number(BigInt.asIntN(64, timeNanos)) / 1e9);
      this.#text += ` # ${this.#braces('', labels, '')} ${this.#number(exemplar.value)} ${seconds}`;
    }
    this.#text += '\n';
  }

  #braces(name: string, labels: TextLabels, extra: string): string {
    if (name === '' && labels.length === 0 && extra === '') return '';
    let text = name;
    for (const [label, value] of labels) {
      const escaped = quoteName(escapeName(label, this.#escaping));
      text += `${text === '' ? '' : ','}${escaped}="${escapeLabel(value)}"`;
    }
    if (extra !== '') text += `${text === '' ? '' : ','}${extra}`;
    return `{${text}}`;
  }

  #number(value: number): string {
    const text = formatValue(value);
    return this.#open && /^-?\d+$/.test(text) ? `${text}.0` : text;
  }

  #count(value: bigint): string {
    return this.#open ? value.toString() : formatValue(Number(value));
  }
}

function quoteName(name: string): string {
  return isLegacyName(name) ? name : `"${escapeLabel(name)}"`;
}
