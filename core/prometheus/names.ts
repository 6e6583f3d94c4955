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

/** How metric names are made. Without `suffixes` unit and type do not show. */
export interface MetricNaming {
  readonly suffixes: boolean;
  /** Keeps characters that only newer scrapers know; whoever asks for another alphabet gets them escaped. */
  readonly utf8?: boolean;
  readonly namespace?: string;
}

/** What of a metric's type shows in its name; `counter` stands for monotonic sums. */
export type NamedType = 'counter' | 'gauge' | 'other';

/**
 * `http.server.duration` with unit `s` → `http_server_duration_seconds`. A word of the name that a suffix repeats is
 * not repeated. Throws where nothing but underscores would be left.
 */
export function metricName(name: string, unit: string, type: NamedType, naming: MetricNaming): string {
  if (naming.utf8 === true) return unescapedName(name, unit, type, naming);
  const built = naming.suffixes ? suffixedName(name, unit, type, naming) : plainName(name, naming);
  if (built === '') throw new Error(`normalization for metric ${JSON.stringify(name)} resulted in empty name`);
  if (built !== name && /^_+$/.test(built)) {
    throw new Error(`normalization for metric ${JSON.stringify(name)} resulted in invalid name "${built}"`);
  }
  return built;
}

function plainName(name: string, { namespace = '' }: MetricNaming): string {
  const plain = words(name, /[^\w:]+/);
  return namespace === '' ? leadingLetter(plain) : `${words(namespace, /[^\w:]+/)}_${plain}`;
}

function suffixedName(name: string, unit: string, type: NamedType, { namespace = '' }: MetricNaming): string {
  let tokens = name.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== '');
  const parts = unitParts(unit);
  let main = cleanUnit(parts.main);
  const per = cleanUnit(parts.per === '' ? '' : `per_${parts.per}`).replace(/_$/, '');
  if (per !== '') main = main.replace(/_$/, '');
  if (main !== '' && !tokens.includes(main)) tokens.push(main);
  if (per !== '' && per !== 'per') tokens.push(per);
  if (type === 'counter') tokens = [...tokens.filter((t) => t !== 'total'), 'total'];
  if (type === 'gauge' && unit === '1') tokens = [...tokens.filter((t) => t !== 'ratio'), 'ratio'];
  return leadingLetter([...(namespace === '' ? [] : [namespace]), ...tokens].join('_'));
}

function unescapedName(name: string, unit: string, type: NamedType, naming: MetricNaming): string {
  const { namespace = '', suffixes } = naming;
  let built = namespace === '' ? name : `${namespace}_${name}`;
  if (!suffixes) return built;
  const ratio = unit === '1' && type === 'gauge';
  if (ratio) built = withoutEnding(built, 'ratio');
  if (type === 'counter') built = withoutEnding(built, 'total');
  const { main, per } = unitParts(unit);
  if (per !== '') built = withoutEnding(built, `per_${per}`);
  if (main !== '' && !built.endsWith(main)) built += `_${main}`;
  if (per !== '') built += `_per_${per}`;
  if (type === 'counter') built += '_total';
  return ratio ? `${built}_ratio` : built;
}

/** Without the word at the end and the character before it. */
function withoutEnding(name: string, word: string): string {
  return name.endsWith(word) && name.length > word.length + 1 ? name.slice(0, -(word.length + 1)) : name;
}

function words(name: string, separator: RegExp): string {
  return name
    .split(separator)
    .filter((word) => word !== '')
    .join('_');
}

/** The words for a unit, either may be empty: `By/s` → `bytes`, `second`. */
export function unitWords(unit: string): { readonly main: string; readonly per: string } {
  const { main, per } = unitParts(unit);
  return { main: words(main, /[^a-zA-Z0-9:]+/), per: words(per, /[^a-zA-Z0-9:]+/) };
}

/** As above, where an unknown unit stands as it is. */
function unitParts(unit: string): { readonly main: string; readonly per: string } {
  const slash = unit.indexOf('/');
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim();
  return { main: unitWord(main, UNITS), per: unitWord(per, PER_UNITS) };
}

/** Units in braces are annotations, as `{spans}`, and do not show. */
function unitWord(unit: string, known: Readonly<Record<string, string>>): string {
  if (unit === '' || /[{}]/.test(unit)) return '';
  return Object.hasOwn(known, unit) ? (known[unit] as string) : unit;
}

function cleanUnit(unit: string): string {
  return unit
    .replace(/[^a-zA-Z0-9:]/gu, '_')
    .replace(/__+/g, '_')
    .replace(/^_/, '');
}

/** Letters, digits, `_` and `:`; anything else becomes `_`, a digit in front is preceded by one. */
export function sanitizeMetricName(name: string): string {
  return leadingLetter(name.replace(/[^a-zA-Z0-9_:]/gu, '_'));
}

function leadingLetter(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** As metric names, without `:`. A label that would begin with a digit gets `key_` in front. */
export function sanitizeLabelName(name: string): string {
  const valid = name.replace(/[^a-zA-Z0-9_]/gu, '_');
  return /^[0-9]/.test(valid) ? `key_${valid}` : valid;
}

/**
 * The name of a label that the user did not choose for Prometheus. With `utf8` it stays as it is. Throws where nothing
 * but underscores would be left.
 */
export function labelName(name: string, utf8: boolean): string {
  if (name === '') throw new Error('label name is empty');
  const built = utf8 ? name : sanitizeLabelName(name);
  if (!/^_+$/.test(built)) return built;
  if (utf8) throw new Error(`label name ${JSON.stringify(name)} contains only underscores`);
  throw new Error(`normalization for label name ${JSON.stringify(name)} resulted in invalid name "${built}"`);
}

/**
 * The same for remote write, where what is not a letter or digit becomes one underscore however much of it there is,
 * except around `__reserved__` names. Unless `permissive`, a label does not begin with an underscore of its own.
 */
export function remoteLabelName(name: string, utf8: boolean, permissive: boolean): string {
  if (utf8 || name === '') return labelName(name, utf8);
  const reserved = /^__.*__$/s.test(name) && name.length >= 4;
  const collapsed = (reserved ? name.slice(2, -2) : name).replace(/[^a-zA-Z0-9]+/g, '_');
  const valid = reserved ? `__${collapsed}__` : collapsed;
  const named = !permissive && /^_(?!_)/.test(valid) ? `key${valid}` : valid;
  return labelName(named, false);
}

/** The words for a unit as one word: `By/s` → `bytes_per_second`. */
export function unitName(unit: string, utf8: boolean): string {
  const parts = unitParts(unit);
  const clean = (text: string) => (utf8 ? text : cleanUnit(text));
  const words = [clean(parts.main), clean(parts.per === '' ? '' : `per_${parts.per}`)].filter((word) => word !== '');
  return words.join('_').replace(/^_/, '').replace(/_$/, '');
}

/** What every scraper understands outside of quotes. Of labels too: the collector's text writer tells no difference. */
export function isLegacyName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
}

export type NameEscaping = 'allow-utf-8' | 'underscores' | 'dots' | 'values';

/**
 * A name in the alphabet that the scraper asked for.
 * Source: https://github.com/prometheus/proposals/blob/main/proposals/0028-utf8.md
 */
export function escapeName(name: string, escaping: NameEscaping): string {
  if (name === '' || escaping === 'allow-utf-8') return name;
  if (isLegacyName(name)) return name;
  let escaped = escaping === 'values' ? 'U__' : '';
  let first = true;
  for (const char of name) {
    escaped += escapeChar(char, first, escaping);
    first = false;
  }
  return escaped;
}

function escapeChar(char: string, first: boolean, escaping: NameEscaping): string {
  const plain = first ? /[a-zA-Z_:]/.test(char) : /[a-zA-Z0-9_:]/.test(char);
  if (escaping === 'underscores') return plain ? char : '_';
  if (char === '_') return '__';
  if (plain) return char;
  if (escaping === 'dots') return char === '.' ? '_dot_' : '__';
  return `_${(char.codePointAt(0) as number).toString(16)}_`;
}
