import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../testing/random-telemetry.ts';
import { StateReader, StateWriter } from './codec.ts';
import { Distinct } from './distinct.ts';
import { EXACT_VALUES, Quantiles, RELATIVE_ERROR } from './quantiles.ts';

const QUANTILES = [0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];

/** By the definition, without arithmetic that rounds. */
function ranked(values: readonly number[], thousandths: number): number {
  const rank = (BigInt(thousandths) * BigInt(values.length) + 999n) / 1000n;
  return values.toSorted((a, b) => a - b)[Math.max(Number(rank), 1) - 1] as number;
}

function of(values: Iterable<number>): Quantiles {
  const quantiles = new Quantiles();
  for (const value of values) quantiles.add(value);
  return quantiles;
}

const DISTRIBUTIONS: Readonly<Record<string, (random: () => number) => number>> = {
  uniform: (random) => random() * 1000,
  'with zeros and negative ones': (random) => (random() < 0.2 ? 0 : (random() - 0.5) * 100),
  'heavy tailed': (random) => 1 / (1 - random()) ** 3,
  'from tiny to huge': (random) => 10 ** (random() * 600 - 300),
  constant: () => 42,
};

test('few values: the value of rank ceil(q n), as by hand', () => {
  for (let n = 1; n <= 200; n++) {
    const values = Array.from({ length: n }, (_, i) => i);
    const quantiles = of(values.toReversed());
    for (const [q, thousandths] of [
      [0.5, 500],
      [0.95, 950],
      [0.99, 990],
      [1, 1000],
    ] as const) {
      assert.equal(quantiles.quantile(q), ranked(values, thousandths), `${q} of ${n}`);
    }
  }
  assert.equal(new Quantiles().quantile(0.5), undefined);
});

for (const [name, make] of Object.entries(DISTRIBUTIONS)) {
  test(`many values, ${name}: within the error that is promised`, () => {
    const random = seededRandom(7);
    const values = Array.from({ length: 20_000 }, () => make(random));
    const quantiles = of(values);
    assert.equal(quantiles.isExact, false);
    assert.equal(quantiles.count, values.length);
    for (const q of QUANTILES) {
      const right = ranked(values, Math.round(q * 1000));
      const found = quantiles.quantile(q) as number;
      assert.ok(Math.abs(found - right) <= Math.abs(right) * (RELATIVE_ERROR + 1e-9), `${q}: ${found} for ${right}`);
    }
  });
}

test('values that are put together count as if they had come to one', () => {
  const random = seededRandom(3);
  for (const [a, b] of [
    [10, 20],
    [EXACT_VALUES - 24, 24],
    [EXACT_VALUES, 1],
    [2_000, 5],
    [5, 2_000],
    [2_000, 3_000],
  ] as const) {
    const [first, second] = [a, b].map((length) => Array.from({ length }, () => random() * 100)) as [
      number[],
      number[],
    ];
    const merged = of(first);
    merged.merge(of(second));
    const whole = of([...first, ...second]);
    assert.equal(merged.isExact, a + b <= EXACT_VALUES);
    for (const q of QUANTILES) assert.equal(merged.quantile(q), whole.quantile(q));
  }
});

test('NaN is left out, infinite values are the greatest and least', () => {
  const quantiles = of([1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  assert.equal(quantiles.count, 3);
  assert.equal(quantiles.quantile(1), Number.POSITIVE_INFINITY);
  for (let i = 0; i < 2_000; i++) quantiles.add(i);
  assert.ok((quantiles.quantile(1) as number) > 1e300);
});

test('distributions come back from a snapshot', () => {
  for (const length of [0, 5, EXACT_VALUES, 5_000]) {
    const quantiles = of(Array.from({ length }, (_, i) => i - 100));
    const writer = new StateWriter();
    quantiles.encode(writer);
    const bytes = writer.finish();
    const copy = Quantiles.decode(new StateReader(bytes));
    assert.equal(copy.count, length);
    assert.equal(copy.bytes, quantiles.bytes);
    for (const q of QUANTILES) assert.equal(copy.quantile(q), quantiles.quantile(q));
  }
});

test('few different texts are counted, many within 5 %', () => {
  for (const count of [0, 1, 128, 129, 1_000, 10_000, 200_000]) {
    const distinct = new Distinct();
    for (let i = 0; i < count; i++) distinct.add(`user-${i}`);
    for (let i = 0; i < count; i += 7) distinct.add(`user-${i}`);
    if (count <= 128) assert.equal(distinct.estimate, count);
    else assert.ok(Math.abs(distinct.estimate - count) <= count * 0.05, `${distinct.estimate} of ${count}`);
  }
});

test('different texts that are put together, or come back from a snapshot, are those that came', () => {
  const make = (from: number, to: number): Distinct => {
    const distinct = new Distinct();
    for (let i = from; i < to; i++) distinct.add(`${i}`);
    return distinct;
  };
  for (const [a, b, c] of [
    [0, 50, 100],
    [0, 100, 200],
    [0, 1_000, 1_010],
    [0, 10, 1_000],
    [0, 5_000, 9_000],
  ] as const) {
    const merged = make(a, b);
    merged.merge(make(b - 5, c));
    assert.equal(merged.estimate, make(a, c).estimate);
    const writer = new StateWriter();
    merged.encode(writer);
    const copy = Distinct.decode(new StateReader(writer.finish()));
    assert.equal(copy.estimate, merged.estimate);
    assert.equal(copy.bytes, merged.bytes);
  }
});
