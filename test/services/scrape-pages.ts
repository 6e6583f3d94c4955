import type { Random } from '../differential/random.ts';

/** One page as a target answers with it. */
export interface Page {
  readonly contentType: string;
  readonly body: Buffer;
}

const NAMES = ['a', 'requests', 'http_x', 'go:y', 'up2', 'foo_count', 'bar_bucket', 'z_info', 'q_sum', 'r_total'];
const LABELS = ['code', 'path', 'le', 'quantile', 'job', 'instance', 'env', 'otel_scope_name', 'otel_scope_x', 'A_b'];
const VALUES = ['', 'x', '200', '0.5', 'a b', 'ü€😀', '\\"q\\"', 'back\\\\slash', 'line\\nbreak', '1', '+Inf', '}{,='];
const NUMBERS = [
  '0',
  '1',
  '-1',
  '3.25',
  '1e3',
  '1E-3',
  'NaN',
  '+Inf',
  '-Inf',
  '12345678901234567890',
  '.5',
  '7.',
  '-0',
];
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const OPEN_TYPES = ['counter', 'gauge', 'histogram', 'summary', 'unknown', 'info', 'stateset', 'gaugehistogram'];
/** What makes a page wrong, or nearly. */
const ODD_LINES = [
  'foo',
  'foo{',
  '1a 2',
  'foo 1 2 3',
  '# TYPE x y',
  'foo{a="b} 1',
  '{} 1',
  'foo{a=b} 1',
  'f\xe9 1',
  '#',
];
const CLOSE_LINES = ['#comment', '# ', '', '  ', '# HELP', '\t# x', '# EOFF', '#TYPE a gauge', '# HELP odd'];

/** Families of a target, of which each page shows most. */
export class PageMaker {
  readonly #random: Random;
  readonly #open: boolean;
  readonly #families: (() => string[])[] = [];
  readonly #isOdd: boolean;

  constructor(random: Random) {
    this.#random = random;
    this.#open = random.chance(0.4);
    this.#isOdd = random.chance(0.15);
    const names = NAMES.filter(() => random.chance(0.5));
    for (const name of names) this.#families.push(this.#family(name));
    if (random.chance(0.3)) this.#families.push(() => [`target_info{${this.#labels(2)}} 1`]);
    if (random.chance(0.2)) this.#families.push(() => ['otel_scope_info{otel_scope_name="x",b="c"} 1']);
  }

  page(): Page {
    const random = this.#random;
    const lines = this.#families.filter(() => random.chance(0.85)).flatMap((family) => family());
    if (!this.#open) {
      while (random.chance(0.3)) lines.splice(random.below(lines.length + 1), 0, random.pick(CLOSE_LINES));
    }
    if (this.#isOdd && random.chance(0.5)) lines.splice(random.below(lines.length + 1), 0, random.pick(ODD_LINES));
    if (this.#open && !random.chance(0.05)) lines.push('# EOF');
    const text = lines.join('\n') + (random.chance(0.9) ? '\n' : '');
    const contentType = this.#open
      ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
      : random.pick(['text/plain; version=0.0.4', 'text/plain', '', 'text/html', 'text/plain; version=1.0.0']);
    return { contentType, body: Buffer.from(text, 'latin1') };
  }

  #family(name: string): () => string[] {
    const random = this.#random;
    const type = random.pick(this.#open ? OPEN_TYPES : TYPES);
    const base = this.#open && type !== 'gauge' ? name.replace(/_(total|info|count|sum|bucket)$/, '') : name;
    const metadata: string[] = [];
    // help alone would make a family of unknown type, of which the collector loses all but the last metric
    const isTyped = random.chance(0.85);
    if (isTyped) metadata.push(`# TYPE ${base} ${type}`);
    if (isTyped && random.chance(0.5)) metadata.push(`# HELP ${base} ${latin1(random.pick(VALUES))} help`);
    const series = Array.from({ length: 1 + random.below(3) }, () => this.#labels(3));
    const bounds = ['0.5', '1', '2.5', '10'].filter(() => random.chance(0.7));
    const isStale = random.chance(0.3);
    return () => {
      const shown = isStale ? series.filter(() => random.chance(0.7)) : series;
      const samples = shown.flatMap((labels) => this.#samples(base, type, labels, bounds));
      return random.chance(0.05) ? [...samples, ...metadata] : [...metadata, ...samples];
    };
  }

  #samples(name: string, type: string, labels: string, bounds: readonly string[]): string[] {
    const random = this.#random;
    const line = (suffix: string, value: string, more = '') => {
      const all = [labels, more].filter((part) => part !== '').join(',');
      return `${name}${suffix}${all === '' && random.chance(0.7) ? '' : `{${all}}`} ${value}${this.#tail(suffix)}`;
    };
    const created = this.#open && random.chance(0.3) ? [line('_created', '1700000000.25')] : [];
    const count = 10 + random.below(1000);
    switch (type) {
      case 'counter':
        return [line(this.#open ? '_total' : '', String(count)), ...created];
      case 'histogram':
        return [
          ...bounds.map((bound, i) => line('_bucket', String(i * 2), `le="${bound}"`)),
          ...(random.chance(0.9) ? [line('_bucket', String(count), 'le="+Inf"')] : []),
          ...(random.chance(0.9) ? [line('_sum', '12.5')] : []),
          ...(random.chance(0.9) ? [line('_count', String(count))] : []),
          ...created,
        ];
      case 'summary':
        return [
          ...['0.5', '0.99'].map((quantile) => line('', random.pick(NUMBERS), `quantile="${quantile}"`)),
          line('_sum', '3.5'),
          line('_count', String(count)),
          ...created,
        ];
      case 'info':
        return [line('_info', '1')];
      default:
        return [line('', random.pick(NUMBERS))];
    }
  }

  /** Time and exemplar. */
  #tail(suffix: string): string {
    const random = this.#random;
    const time = random.chance(0.05) ? ` ${this.#open ? '1700000123.5' : '1700000123456'}` : '';
    const exemplar = this.#open && /_bucket|_total/.test(suffix) && random.chance(0.2);
    if (!exemplar) return time;
    const id = random.pick(['4bf92f3577b34da6a3ce929d0e0e4736', 'abc', 'ab', 'zz']);
    return `${time} # {trace_id="${id}",k="v"} 0.5${random.chance(0.5) ? ' 1700000100.5' : ''}`;
  }

  #labels(most: number): string {
    const random = this.#random;
    const names = new Set(Array.from({ length: random.below(most + 1) }, () => random.pick(LABELS)));
    return [...names].map((name) => `${name}="${latin1(random.pick(VALUES))}"`).join(',');
  }
}

/** The bytes of the text, one character each. */
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
