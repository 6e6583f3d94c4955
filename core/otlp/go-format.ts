/** `%f` of Go's fmt: six decimals, ties to even. */
export function fixedText(value: number): string {
  const special = specialText(value);
  if (special !== undefined) return special;
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.000000`;
  // toFixed rounds ties away from zero; the exact digits, of which a tie has seven, show whether this is one
  const exact = Math.abs(value).toFixed(40);
  const end = exact.indexOf('.') + 7;
  const text = Math.abs(value).toFixed(6);
  const tie = /^50*$/.test(exact.slice(end)) && Number(exact.charAt(end - 1)) % 2 === 0;
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return sign + (tie ? exact.slice(0, end) : text);
}

/** `%v` of Go's fmt: the shortest digits, with an exponent of at least two digits below 1e-4 and from 1e6 on. */
export function shortText(value: number): string {
  const special = specialText(value);
  if (special !== undefined) return special;
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits, exponent = ''] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  const sign = power < 0 ? '-' : '+';
  return `${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
}

function specialText(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return undefined;
}

/** `2020-02-11 20:26:12.000000321 +0000 UTC`: Go's text for a time in UTC, without the zeros at the end. */
export function timeText(unixNanos: bigint): string {
  const nanos = BigInt.asIntN(64, unixNanos);
  const fraction = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (nanos - fraction) / 1_000_000_000n;
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const decimals = fraction.toString().padStart(9, '0').replace(/0+$/, '');
  return `${date}${decimals === '' ? '' : `.${decimals}`} +0000 UTC`;
}

/** `strconv.FormatFloat(value, 'f', -1, 64)`: the shortest digits that mean the value, never with an exponent. */
export function decimalText(value: number): string {
  const special = specialText(value);
  if (special !== undefined) return special;
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '', exponent = ''] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const point = Number(exponent) + 1;
  if (point <= 0) return value === 0 ? `${sign}0` : `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits.padEnd(point, '0');
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
