/**
 * From OpenTelemetry names and units to Prometheus names.
 * Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */

/** UCUM unit → the word in a metric name. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
};

/** Units after a slash: `By/s` is `bytes_per_second`. */
const PER_UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

/** Without suffixes a name only loses what Prometheus does not allow. */
export interface MetricNaming {
  readonly suffixes: boolean;
  readonly namespace?: string;
}

/**
 * `http.server.duration` with unit `s` → `http_server_duration_seconds`. The type `counter` stands for monotonic sums.
 * A word of the name that a suffix repeats is not repeated.
 */
export function metricName(
  name: string,
  unit: string,
  type: 'counter' | 'gauge' | 'other',
  naming: MetricNaming,
): string {
  const namespace =
    naming.namespace === undefined || naming.namespace === '' ? [] : [words(naming.namespace, /[^\w:]+/)];
  if (!naming.suffixes) return leadingLetter([...namespace, words(name, /[^\w:]+/)].join('_'));
  let tokens = name.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== '');
  const { main, per } = unitWords(unit);
  if (main !== '' && !tokens.includes(main)) tokens.push(main);
  if (per !== '') tokens.push(`per_${per}`);
  if (type === 'counter') tokens = [...tokens.filter((t) => t !== 'total'), 'total'];
  if (type === 'gauge' && unit === '1') tokens = [...tokens.filter((t) => t !== 'ratio'), 'ratio'];
  return leadingLetter([...namespace, ...tokens].join('_'));
}

function words(name: string, separator: RegExp): string {
  return name
    .split(separator)
    .filter((word) => word !== '')
    .join('_');
}

/** The words for a unit, either may be empty: `By/s` → `bytes`, `second`. */
export function unitWords(unit: string): { readonly main: string; readonly per: string } {
  const slash = unit.indexOf('/');
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim();
  return { main: unitWord(main, UNITS), per: unitWord(per, PER_UNITS) };
}

/** Units in braces are annotations, as `{spans}`, and do not show. An unknown unit shows as it is. */
function unitWord(unit: string, known: Readonly<Record<string, string>>): string {
  if (unit === '' || /[{}]/.test(unit)) return '';
  if (Object.hasOwn(known, unit)) return known[unit] as string;
  return words(unit, /[^a-zA-Z0-9:]+/);
}

/** Letters, digits, `_` and `:`; anything else becomes `_`, a digit in front is preceded by one. */
export function sanitizeMetricName(name: string): string {
  return leadingLetter(name.replace(/[^a-zA-Z0-9_:]/g, '_'));
}

function leadingLetter(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** As metric names, without `:`. A label that would begin with a digit gets `key_` in front. */
export function sanitizeLabelName(name: string): string {
  const valid = name.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^[0-9]/.test(valid) ? `key_${valid}` : valid;
}
