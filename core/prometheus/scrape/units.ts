/** The words that Prometheus has for units, and the codes that OTLP has. */
const CODES: Readonly<Record<string, string>> = {
  days: 'd',
  hours: 'h',
  minutes: 'min',
  seconds: 's',
  milliseconds: 'ms',
  microseconds: 'us',
  nanoseconds: 'ns',
  bytes: 'By',
  kibibytes: 'KiBy',
  mebibytes: 'MiBy',
  gibibytes: 'GiBy',
  tibibytes: 'TiBy',
  kilobytes: 'KBy',
  megabytes: 'MBy',
  gigabytes: 'GBy',
  terabytes: 'TBy',
  meters: 'm',
  volts: 'V',
  amperes: 'A',
  joules: 'J',
  watts: 'W',
  grams: 'g',
  celsius: 'Cel',
  hertz: 'Hz',
  ratio: '1',
  percent: '%',
};
const PER_CODES: Readonly<Record<string, string>> = {
  second: 's',
  minute: 'm',
  hour: 'h',
  day: 'd',
  week: 'w',
  month: 'mo',
  year: 'y',
};

/** `bytes_per_second` → `By/s`. */
export function ucumUnit(unit: string): string {
  const at = unit.indexOf('_per_');
  const main = at < 0 ? unit : unit.slice(0, at);
  const per = at < 0 ? '' : unit.slice(at + '_per_'.length);
  return (own(CODES, main) ?? main) + (per === '' ? '' : `/${own(PER_CODES, per) ?? per}`);
}

/** The name without what its type and unit say: `requests_seconds_total` → `requests`. */
export function trimmedName(name: string, isSum: boolean, unit: string): string {
  let words = name.split('_');
  if (words.length === 1) return name;
  if (isSum && words.at(-1) === 'total') words = words.slice(0, -1);
  const suffix = unit.split('_');
  const keeps =
    words.length > suffix.length && suffix.every((word, i) => words[words.length - suffix.length + i] === word);
  return (keeps ? words.slice(0, -suffix.length) : words).join('_');
}

const own = (map: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(map, key) ? map[key] : undefined;
