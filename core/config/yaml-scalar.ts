import type { ScalarNode } from './node.ts';

export type Value = Pick<ScalarNode, 'value' | 'float' | 'date'>;

const WORDS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, { value: null }] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, { value: true }] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, { value: false }] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, { value: Number.NaN, float: true }] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(
    (word) => [word, { value: Number.POSITIVE_INFINITY, float: true }] as const,
  ),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, { value: Number.NEGATIVE_INFINITY, float: true }] as const),
]);

const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);

/**
 * The value of a plain scalar as Go's yaml.v3 reads it, which is neither YAML 1.1 nor 1.2: `yes` and `on` are text,
 * `0x10`, `0b11`, `0o17` and `017` are integers, `1_000` is 1000, and what fits no 64 bits is a float.
 */
export function resolvePlain(text: string): Value {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (!/^[-+.0-9]/.test(text)) return { value: text };
  const digits = text.replaceAll('_', '');
  const integer = INTEGER.exec(digits);
  if (integer !== null) {
    const big = toBigInt(integer[2] ?? '') * (integer[1] === '-' ? -1n : 1n);
    if (big >= MIN_INT64 && big <= MAX_UINT64) {
      return { value: Number.isSafeInteger(Number(big)) ? Number(big) : big };
    }
  }
  // a number that no float can hold is text
  return FLOAT.test(digits) && Number.isFinite(Number(digits))
    ? { value: Number(digits), float: true }
    : { value: text };
}

function toBigInt(digits: string): bigint {
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  return BigInt(digits.toLowerCase());
}

/** The value of a scalar with a core tag (`!!str 5`); undefined when the text does not fit the tag. */
export function resolveTagged(tag: string, text: string): Value | undefined {
  const plain = resolvePlain(text);
  switch (tag.replace(/^tag:yaml\.org,2002:|^!!/, '')) {
    case 'int':
      return (typeof plain.value === 'number' || typeof plain.value === 'bigint') && plain.float !== true
        ? plain
        : undefined;
    case 'float':
      return typeof plain.value === 'number' ? { value: plain.value, float: true } : undefined;
    case 'bool':
      return typeof plain.value === 'boolean' ? plain : undefined;
    case 'null':
      return plain.value === null ? plain : undefined;
    case 'binary':
      return { value: Buffer.from(text, 'base64').toString() };
    default:
      return { value: text };
  }
}

const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})([Tt ].+)?$/;
const CLOCK = /^([Tt](?=.*(Z|[-+]\d\d:\d\d)$)| (?!.*[Z+-]))(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z|[-+]\d\d:\d\d)?$/;

/** Whether yaml.v3 makes a time of a plain scalar: `2001-01-01`, `2001-01-01T10:00:00Z`, `2001-01-01 10:00:00`. */
export function isDate(text: string): boolean {
  const [match, year, month, day, clock] = DATE.exec(text) ?? [];
  if (match === undefined) return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return false;
  if (clock === undefined) return true;
  const [time, , , hours, minutes, seconds] = CLOCK.exec(clock) ?? [];
  return time !== undefined && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60;
}
